// Files made for tests: the least of each kind that its readers accept. None of them does anything.

/** `MZ`, and at its place the header of a program of Windows. */
export function windowsProgram(): Buffer {
  const file = Buffer.alloc(512);
  file.write('MZ');
  file.writeUInt32LE(0x80, 0x3c);
  file.write('PE\0\0', 0x80, 'latin1');
  file.writeUInt16LE(0x8664, 0x84);
  return file;
}

export function dosProgram(): Buffer {
  const file = Buffer.alloc(128);
  file.write('MZ');
  return file;
}

export function elfProgram(): Buffer {
  const file = Buffer.alloc(128);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  return file;
}

/** A ZIP archive of empty files, stored. */
export function zipFile(...names: readonly string[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const name of names) {
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(20, 4);
    local.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(20, 4);
    entry.writeUInt16LE(20, 6);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    locals.push(local, Buffer.from(name));
    central.push(entry, Buffer.from(name));
    offset += 30 + name.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(names.length, 8);
  end.writeUInt16LE(names.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

/** The header of an OLE file, and in its directory whatever is given. */
export function oleFile(inDirectory: Buffer): Buffer {
  const file = Buffer.alloc(2_048);
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(file);
  inDirectory.copy(file, 0x400 + 0x50);
  return file;
}

/** The least PNG that file type readers accept: signature and header chunk. */
export const pngFile = (): Buffer =>
  Buffer.concat([
    Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex'),
    Buffer.alloc(64),
  ]);

export const pdfFile = (): Buffer => Buffer.from('%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n');
