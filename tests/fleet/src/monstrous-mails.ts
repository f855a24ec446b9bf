import { Buffer } from "node:buffer";
import { crc32, deflateRawSync } from "node:zlib";
import { hostileMails } from "./hostile-mails.ts";
import type { StreamedMail } from "./streaming-imap.ts";

export type MonstrousMail = StreamedMail & { readonly name: string; readonly quarantineReason: string };

/** A message that is at hand as it is. */
export function wholeMail(raw: Uint8Array): StreamedMail {
  const bytes = Buffer.from(raw);
  return { sizeBytes: bytes.length, read: (start, length) => bytes.subarray(start, start + length) };
}

/** `head`, and then one line again and again up to this size. */
function repeated(head: string, line: string, sizeBytes: number): StreamedMail {
  const begin = Buffer.from(head);
  const block = Buffer.from(line.repeat(Math.ceil(1_048_576 / line.length)));
  return {
    sizeBytes,
    read(start, length) {
      const fromHead = begin.subarray(start, start + length);
      const pieces = [fromHead];
      for (let at = start + fromHead.length; at < start + length; ) {
        const piece = block.subarray((at - begin.length) % line.length).subarray(0, start + length - at);
        pieces.push(piece);
        at += piece.length;
      }
      return Buffer.concat(pieces);
    },
  };
}

const head = (name: string, ...fields: readonly string[]) =>
  [`Message-ID: <${name}@hostile.example>`, "From: a@hostile.example", ...fields, ""].join("\r\n");

/** 120 files of 10 MB each in 18 kB: all entries name the same packed zeros, as David Fifield's "better zip bomb" does. */
function overlappingZip(): Buffer {
  const zeros = Buffer.alloc(10_000_000);
  const packed = deflateRawSync(zeros);
  const sizes = (bytes: Buffer, at: number) => {
    bytes.writeUInt16LE(8, at); // deflate
    bytes.writeUInt32LE(crc32(zeros), at + 6);
    bytes.writeUInt32LE(packed.length, at + 10);
    bytes.writeUInt32LE(zeros.length, at + 14);
    bytes.writeUInt16LE(1, at + 18); // the length of a name
  };
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  sizes(local, 8);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  sizes(entry, 10);
  const count = 120;
  const directory = Buffer.concat(Array.from({ length: count }, () => [entry, Buffer.from("z")]).flat());
  const data = Buffer.concat([local, Buffer.from("z"), packed]);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(data.length, 16);
  return Buffer.concat([data, directory, end]);
}

function withAttachment(bytes: Buffer): Buffer {
  const coded = bytes.toString("base64").replace(/.{76}/g, "$&\r\n");
  const fields = ["Content-Type: application/zip; name=z.zip", "Content-Transfer-Encoding: base64"];
  return Buffer.from(`${head("bomb", ...fields)}\r\n${coded}\r\n`);
}

function hostile(name: string): MonstrousMail {
  const found = hostileMails.find((mail) => mail.name === name);
  if (found?.unparsedReason == null) throw new Error(`no hostile mail is called ${name}`);
  return { name, quarantineReason: found.unparsedReason, ...wholeMail(found.raw) };
}

const line = `${"0123456789abcdef".repeat(4).slice(2)}\r\n`;

/** What no mail program would write, and anybody may send. */
export const monstrousMails: readonly MonstrousMail[] = [
  { name: "1 GB", quarantineReason: "too-large", ...repeated(`${head("giant")}\r\n`, line, 1_073_741_824) },
  hostile("10,000 parts"),
  hostile("multiparts in multiparts, 100 deep"),
  {
    name: "50 MB of headers",
    quarantineReason: "headers-too-large",
    ...repeated(head("headers"), `X-Long: ${line}`, 50_000_000),
  },
  { name: "a bomb of a ZIP", quarantineReason: "archive-bomb", ...wholeMail(withAttachment(overlappingZip())) },
];
