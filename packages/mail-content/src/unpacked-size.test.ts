import { Buffer } from "node:buffer";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { parseMessage } from "./parse-message.ts";
import { unpackedSize } from "./unpacked-size.ts";

type Entry = { readonly name: string; readonly content: Buffer; readonly claims?: bigint };

/** A ZIP as any program writes it; an entry may claim another size in ZIP64. */
function zip(entries: readonly Entry[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, claims } of entries) {
    const packed = deflateRawSync(content);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(8, 8);
    local.writeUInt32LE(crc32(content), 14);
    local.writeUInt32LE(packed.length, 18);
    local.writeUInt32LE(content.length, 22);
    local.writeUInt16LE(name.length, 26);
    const extra = claims === undefined ? Buffer.alloc(0) : Buffer.alloc(12);
    if (claims !== undefined) {
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(8, 2);
      extra.writeBigUInt64LE(claims, 4);
    }
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(claims === undefined ? content.length : 0xffffffff, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt16LE(extra.length, 30);
    entry.writeUInt32LE(offset, 42);
    const written = Buffer.concat([local, Buffer.from(name), packed]);
    offset += written.length;
    locals.push(written);
    directory.push(entry, Buffer.from(name), extra);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end]);
}

const zeros = Buffer.alloc(20_000_000);
const mail = (attachment: Buffer) =>
  Buffer.concat([
    Buffer.from(
      "Message-ID: <1@a.example>\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    ),
    Buffer.from(attachment.toString("base64").replace(/.{76}/g, "$&\r\n")),
  ]);

describe("unpackedSize", () => {
  it("is what the entries of a ZIP say together", () => {
    const entries = [
      { name: "a", content: Buffer.from("hello") },
      { name: "b", content: Buffer.alloc(1_000) },
    ];
    expect(unpackedSize(zip(entries))).toBe(1_005);
    expect(unpackedSize(Buffer.concat([Buffer.from("PK before it"), zip(entries)]))).toBe(1_005);
    expect(unpackedSize(zip([{ name: "a", content: Buffer.from("x"), claims: 5_000_000_000_000n }]))).toBe(
      5_000_000_000_000,
    );
  });

  it("is what gzip says, and null for anything else", () => {
    expect(unpackedSize(gzipSync(Buffer.alloc(1_234)))).toBe(1_234);
    for (const other of ["", "PK", "PK\x03\x04 and no directory at all in it", "%PDF-1.7 with more behind it"]) {
      expect(unpackedSize(Buffer.from(other, "latin1"))).toBeNull();
    }
  });

  it("takes no longer than the archive is", () => {
    const began = performance.now();
    unpackedSize(Buffer.from("PK\x01\x02".repeat(5_000_000), "latin1"));
    unpackedSize(Buffer.from("PK\x05\x06".repeat(5_000_000), "latin1"));
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe("a message with an archive", () => {
  it("that would fill a disk is not read, by name; its headers still are", () => {
    const bombs = [
      zip(Array.from({ length: 60 }, (_, at) => ({ name: `${at}`, content: zeros }))),
      zip([{ name: "a", content: Buffer.from("x"), claims: 5_000_000_000_000n }]),
    ];
    for (const bomb of bombs) {
      expect(parseMessage(mail(bomb))).toMatchObject({
        ...{ kind: "unparsed", reason: "archive-bomb", messageIdHeader: "<1@a.example>" },
      });
    }
  });

  it("of an ordinary size is read, however well it is packed", () => {
    const attachment = zip([{ name: "a", content: zeros }]);
    const parsed = parseMessage(mail(attachment));
    expect(parsed).toMatchObject({ kind: "parsed", attachments: [{ contentType: "application/zip" }] });
    if (parsed.kind === "parsed")
      expect(Buffer.compare(parsed.attachments[0]?.bytes ?? Buffer.alloc(0), attachment)).toBe(0);
  });
});
