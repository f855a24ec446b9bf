import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { BenchFleet } from "../fleet/open-bench-fleet.ts";
import type { Spoil } from "./options.ts";

/** Damages one stored byte, or takes one row away: what verification must find. */
export async function spoil({ blobRoot, sql }: BenchFleet, what: Spoil): Promise<void> {
  if (what === "row") {
    await sql`delete from messages where (tenant_id, id) in (select tenant_id, id from messages limit 1)`;
    return;
  }
  const entries = await readdir(blobRoot, { recursive: true, withFileTypes: true });
  const segment = entries.find((entry) => entry.isFile());
  if (segment === undefined) throw new Error("nothing is stored");
  const file = await open(join(segment.parentPath, segment.name), "r+");
  try {
    const { buffer } = await file.read({ buffer: Buffer.alloc(1), position: 0 });
    buffer.writeUInt8(buffer.readUInt8() ^ 1);
    await file.write(buffer, 0, 1, 0);
  } finally {
    await file.close();
  }
}
