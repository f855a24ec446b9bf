import { Buffer } from "node:buffer";
import { TenantId } from "@mailfleet/domain";
import { createFilesystemBlobStore } from "../src/index.ts";
import { openGrants } from "./open-grants.ts";

/**
 * A process that writes segments for ever, and says on stdout what it has been promised: one line of JSON for each
 * segment that is committed. `pages` commits small ones; `stream` never commits the one it streams into.
 */
const [root = "", tenantText, mode] = process.argv.slice(2);
const tenantId = TenantId.parse(tenantText);
const now = () => new Date();
const grants = openGrants(now);
const store = createFilesystemBlobStore({ root, now });

const say = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);

if (mode === "stream") {
  const segment = await store.openSegment(await grants.poll(tenantId));
  for (let count = 1; ; count += 1) {
    await segment.append(Buffer.alloc(1_000_000, count));
    say({ appended: count });
  }
}

for (let page = 0; ; page += 1) {
  try {
    const segment = await store.openSegment(await grants.poll(tenantId));
    const refs = [];
    // Every byte of a page is its number, so a segment that is there but not whole is seen to be broken.
    for (let blob = 0; blob < 10; blob += 1) refs.push(await segment.append(Buffer.alloc(20_000, page)));
    await segment.commit();
    say({ page, refs });
  } catch (error) {
    say({ refused: error instanceof Error && "code" in error ? error.code : String(error) });
    break;
  }
}
