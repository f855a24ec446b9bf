import { createSocket, type Socket } from "node:dgram";
import { afterEach, describe, expect, it } from "vitest";
import { createDnsTxtLookup } from "../src/create-dns-txt-lookup.ts";

/** A name server for one zone: TXT for names that begin with `key`, NXDOMAIN for `none`, silence for the rest. */
async function serve(): Promise<{ socket: Socket; server: string; asked: string[] }> {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (query, peer) => {
    const name = readName(query);
    asked.push(name);
    const answer = answerTo(query, name);
    if (answer !== null) socket.send(answer, peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { socket, server: `127.0.0.1:${socket.address().port}`, asked };
}

function readName(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query[at] !== 0; at += (query[at] ?? 0) + 1) {
    labels.push(query.toString("latin1", at + 1, at + 1 + (query[at] ?? 0)));
  }
  return labels.join(".");
}

function answerTo(query: Buffer, name: string): Buffer | null {
  const question = query.subarray(12, 12 + name.length + 2 + 4);
  const header = (flags: number, answers: number) => {
    const bytes = Buffer.from(query.subarray(0, 12));
    bytes.writeUInt16BE(flags, 2);
    bytes.writeUInt16BE(answers, 6);
    bytes.writeUInt32BE(0, 8);
    return bytes;
  };
  if (name.startsWith("none")) return Buffer.concat([header(0x8183, 0), question]);
  if (!name.startsWith("key")) return null;
  const strings = ["v=DKIM1; ", "p=abc"].map((text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]));
  const data = Buffer.concat(strings);
  const record = Buffer.from([0xc0, 0x0c, 0, 16, 0, 1, 0, 0, 0, 60, 0, data.length]);
  return Buffer.concat([header(0x8180, 1), question, record, data]);
}

let open: Socket | undefined;
afterEach(() => open?.close());

describe("createDnsTxtLookup", () => {
  it("reads a record's strings, asks once for what it knows, and again when that is old", async () => {
    const { socket, server, asked } = await serve();
    open = socket;
    let time = 0;
    const lookup = createDnsTxtLookup({ now: () => new Date(time), servers: [server] });
    const [one, same] = await Promise.all([lookup("key.shop.example"), lookup("KEY.shop.example")]);
    expect(one).toEqual([["v=DKIM1; ", "p=abc"]]);
    expect(same).toEqual(one);
    expect(asked).toEqual(["key.shop.example"]);
    time += 300_001;
    await lookup("key.shop.example");
    expect(asked).toHaveLength(2);
  });

  it("tells a name that does not exist from a server that does not answer", async () => {
    const { socket, server, asked } = await serve();
    open = socket;
    const lookup = createDnsTxtLookup({ now: () => new Date(0), timeoutMs: 50, servers: [server] });
    await expect(lookup("none.shop.example")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(lookup("silent.shop.example")).rejects.toMatchObject({ code: "ETIMEOUT" });
    await expect(lookup("silent.shop.example")).rejects.toMatchObject({ code: "ETIMEOUT" });
    expect(asked.filter((name) => name.startsWith("silent")).length).toBeLessThanOrEqual(2);
  });
});
