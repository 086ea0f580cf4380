/** Zip archives made by hand: wheels for tests, whole ones and ones that a field was damaged in. */
import { crc32, deflateRawSync } from "node:zlib";

export interface ZipMember {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly isStored?: boolean;
  /** Bits of the general purpose flag: 1 is "encrypted". */
  readonly flags?: number;
}

export function zipArchive(members: readonly ZipMember[], comment = ""): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, isStored = false, flags = 0 } of members) {
    const bytes = Buffer.from(content as Uint8Array);
    const packed = isStored ? bytes : deflateRawSync(bytes);
    const nameBytes = Buffer.from(name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(flags, 2);
    fields.writeUInt16LE(isStored ? 0 : 8, 4);
    // 1980-01-01: the first day a zip archive knows.
    fields.writeUInt16LE(0x21, 8);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), fields, nameBytes, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00", "latin1"), fields, tail, nameBytes]));
    parts.push(local);
    offset += local.length;
  }
  const directoryBytes = Buffer.concat(directory);
  const commentBytes = Buffer.from(comment);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(directoryBytes.length, 8);
  end.writeUInt32LE(offset, 12);
  end.writeUInt16LE(commentBytes.length, 16);
  return Buffer.concat([...parts, directoryBytes, Buffer.from("PK\x05\x06", "latin1"), end, commentBytes]);
}

/** A wheel that installs nothing. */
export function wheelArchive(name: string, version: string, headers: readonly string[] = []): Buffer {
  const folder = `${name}-${version}.dist-info`;
  const metadata = [
    "Metadata-Version: 2.1",
    `Name: ${name}`,
    `Version: ${version}`,
    ...headers,
    "",
    "Requires-Python: said in the description",
  ].join("\n");
  return zipArchive([
    { name: `${folder}/METADATA`, content: metadata },
    { name: `${folder}/WHEEL`, content: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n" },
    { name: `${folder}/RECORD`, content: "", isStored: true },
  ]);
}
