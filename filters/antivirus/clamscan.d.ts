// The part of the npm package clamscan 2.4.0 that Weir uses; the package ships no types.
declare module 'clamscan' {
  import type { Readable } from 'node:stream';
  import type { Socket } from 'node:net';

  interface ScanResult {
    readonly isInfected: boolean | null;
    readonly viruses: readonly string[];
    readonly resultString: string;
    readonly timeout: boolean;
  }

  export default class NodeClam {
    init(options: object): Promise<this>;
    getVersion(): Promise<string>;
    scanStream(stream: Readable): Promise<ScanResult>;
    /** Private in the package: where every socket of it is made. */
    _initSocket(label?: string): Promise<Socket>;
  }
}
