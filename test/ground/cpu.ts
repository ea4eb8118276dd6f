// The CPU time that work took: what a limit on effort is held against, since the clock on the wall also counts whatever
// else the machine does. Each test file has a process of its own.

/** CPU time of this process since `process.cpuUsage()` was read, ms. */
export function cpuMsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}
