import type { MessageRow } from "@mailfleet/database";
import { type BlobRef, type MessageId, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { VerificationError } from "../bench.ts";
import type { BenchFleet } from "../fleet/open-bench-fleet.ts";
import type { BenchTenant } from "../fleet/provision-tenant.ts";
import { type Corpus, type DeliveredMessage, sha256, textDigest } from "./deliver-corpus.ts";

const pageSize = 500;

/**
 * Reads back everything a tenant has: as many rows as messages were delivered, each of another one, and every raw message,
 * text and attachment byte for byte what it was.
 *
 * @returns how many blobs were read
 * @throws VerificationError
 */
export async function verify(fleet: BenchFleet, tenant: BenchTenant, corpus: Corpus): Promise<number> {
  const { database, gate } = fleet;
  const resource = { tenantId: tenant.tenantId };
  const missing = new Map(corpus.messages);
  let blobsCount = 0;
  for (let before: MessageId | undefined, more = true; more; ) {
    // Anew for each page: a grant lives for a minute.
    const listing = await gate.authorize({ actor: tenant.agent, action: "message.list", resource });
    const reading = await gate.authorize({ actor: tenant.agent, action: "message.read", resource });
    const rows = await database.messages.list(listing, { before, limit: pageSize });
    for (const row of rows) {
      const digest = sha256(await readBlob(fleet, reading, row.raw));
      const delivered = missing.get(digest);
      if (delivered === undefined) throw new VerificationError("a stored message is none of those that are missing");
      missing.delete(digest);
      blobsCount += 1 + (await verifyContent(fleet, reading, row, delivered));
    }
    before = rows.at(-1)?.id;
    more = rows.length === pageSize;
  }
  if (missing.size > 0)
    throw new VerificationError(`${missing.size} of ${corpus.messages.size} messages are not stored`);
  return blobsCount;
}

async function verifyContent(
  fleet: BenchFleet,
  grant: Grant<"message.read">,
  row: MessageRow,
  delivered: DeliveredMessage,
): Promise<number> {
  if (row.body === null) throw new VerificationError(`a message was not parsed: ${row.unparsedReason}`);
  const body = JSON.parse(Buffer.from(await readBlob(fleet, grant, row.body)).toString()) as { text: string | null };
  if (textDigest(body.text ?? "") !== delivered.text) throw new VerificationError("a message has another text");
  const attachments = await fleet.database.messages.attachments(grant, row.id);
  const digests: string[] = [];
  for (const { blob } of attachments) digests.push(sha256(await readBlob(fleet, grant, blob)));
  if (digests.join() !== delivered.attachments.join()) throw new VerificationError("a message has other attachments");
  return 1 + attachments.length;
}

async function readBlob({ blobs }: BenchFleet, grant: Grant<"message.read">, ref: BlobRef): Promise<Uint8Array> {
  try {
    return Buffer.concat(await Array.fromAsync(blobs.read(grant, ref)));
  } catch (error) {
    if (error instanceof OperationalError) throw new VerificationError(error.message);
    throw error;
  }
}
