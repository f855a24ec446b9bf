import { Buffer } from "node:buffer";

/**
 * How many bytes an archive says it becomes, or null for what is no archive we know: ZIP (PKWARE APPNOTE §4.3.12, the
 * central directory) and gzip (RFC 1952 §2.3.1). Nothing is unpacked, here or anywhere in the fleet; entries that share
 * their data count each, since an unpacker writes each. In time linear in the directory.
 */
export function unpackedSize(bytes: Uint8Array): number | null {
  const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (archive.length > 18 && archive.readUIntBE(0, 3) === gzipMagic) return archive.readUInt32LE(archive.length - 4);
  return archive.length >= endBytes && archive.readUInt16LE(0) === zipMagic ? zipSize(archive) : null;
}

const gzipMagic = 0x1f8b08;
const zipMagic = 0x4b50; // "PK"
const endSignature = Buffer.from("PK\x05\x06", "latin1");
const endBytes = 22;
const commentBytesMax = 65_535;
const entrySignature = 0x02014b50;
const entryBytes = 46;
/** APPNOTE §4.4.9: the size stands in a ZIP64 field. */
const inZip64 = 0xffffffff;

function zipSize(archive: Buffer): number | null {
  const end = archive.lastIndexOf(endSignature);
  if (end === -1 || end < archive.length - endBytes - commentBytesMax || end + endBytes > archive.length) return null;
  // Found from its end, as unpackers do: bytes may stand before the archive, and its own offset may be ZIP64's.
  let at = archive.readUInt32LE(end + 16);
  const directoryBytes = archive.readUInt32LE(end + 12);
  if (at === inZip64 || !isEntry(archive, at)) at = archive.indexOf(entryStart, Math.max(0, end - directoryBytes));
  let total = 0;
  while (at !== -1 && isEntry(archive, at)) {
    const size = archive.readUInt32LE(at + 24);
    const nameBytes = archive.readUInt16LE(at + 28);
    const extraBytes = archive.readUInt16LE(at + 30);
    const extra = archive.subarray(at + entryBytes + nameBytes, at + entryBytes + nameBytes + extraBytes);
    total += size === inZip64 ? zip64Size(extra) : size;
    at += entryBytes + nameBytes + extraBytes + archive.readUInt16LE(at + 32);
  }
  return total;
}

const entryStart = Buffer.from("PK\x01\x02", "latin1");

function isEntry(archive: Buffer, at: number): boolean {
  return at + entryBytes <= archive.length && archive.readUInt32LE(at) === entrySignature;
}

/** APPNOTE §4.5.3: field 1 begins with the size. Without one the entry is as large as it may be without ZIP64. */
function zip64Size(extra: Buffer): number {
  for (let at = 0; at + 12 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === 1) return Number(extra.readBigUInt64LE(at + 4));
  }
  return inZip64;
}
