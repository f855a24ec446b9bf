import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { createRulesContentClassifier } from "@mailfleet/classifiers";
import { type Database, migrateDatabase, noSenderTrust, openDatabase } from "@mailfleet/database";
import { Epoch, MailboxId, newId, TenantId } from "@mailfleet/domain";
import { channelActor, createGate, type Gate } from "@mailfleet/gate";
import { memoryBlobStore, testDatabaseUrl } from "@mailfleet/testkit";
import postgres from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { judgePage } from "../src/judge-page.ts";
import { toNewMessage } from "../src/to-new-message.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const published = publicKey.export({ type: "spki", format: "der" }).toString("base64");
/** Strings of at most 255 bytes (RFC 1035 §3.3.14). */
const record = `v=DKIM1; k=rsa; p=${published}`.match(/.{1,255}/g) ?? [];
const zone = new Map([["k._domainkey.friend.example", [[...record]]]]);

const digest = (text: string) => createHash("sha256").update(text).digest();

type Letter = { readonly id: string; readonly from: string; readonly answers?: string; readonly text?: string };

const headersOf = ({ id, from, answers }: Letter) =>
  [`From: ${from}`, "To: us@our.example", "Subject: Hello", `Message-ID: <${id}>`]
    .concat(answers === undefined ? [] : [`In-Reply-To: <${answers}>`, `References: <${answers}>`])
    .map((field) => `${field}\r\n`);

const bodyOf = ({ text = "Hello." }: Letter) => `${text}\r\n`;
const unsigned = (letter: Letter) => `${headersOf(letter).join("")}\r\n${bodyOf(letter)}`;

/** DKIM with both canonicalizations `simple` (RFC 6376 §3.4.1, §3.4.3): what is signed is what is sent. */
function signed(letter: Letter): string {
  const headers = headersOf(letter);
  const names = headers.map((field) => field.slice(0, field.indexOf(":"))).join(":");
  const bodyHash = digest(bodyOf(letter)).toString("base64");
  const field = `DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=friend.example; s=k; h=${names}; bh=${bodyHash}; b=`;
  const signature = sign("sha256", Buffer.from(headers.join("") + field), privateKey).toString("base64");
  return `${field}${signature}\r\n${unsigned(letter)}`;
}

let database: Database;
let gate: Gate;
let sql: postgres.Sql;
const [tenantId, mailboxId] = [newId(TenantId), newId(MailboxId)];
const sentThread = randomUUID();
const asked: string[] = [];
let lastUid = 0;

beforeAll(async () => {
  const url = await testDatabaseUrl();
  await migrateDatabase(url);
  database = await openDatabase({ url, poolSizeMax: 4, applicationName: "test" });
  gate = createGate({ facts: database.gateFacts, audit: database.audit, now: () => new Date() });
  sql = postgres(url, { max: 2, onnotice: () => {} });
  const server = sql.json({ host: "127.0.0.1", port: 993, security: "tls" });
  await sql`insert into tenants (id, key, namespace, weight) values (${tenantId}, 'our', 'our', 1)`;
  await sql`
    insert into mailboxes (id, tenant_id, key, address, imap, start_from, state, identity, proven_at, epoch, work_state)
    values (${mailboxId}, ${tenantId}, 'us', 'us@our.example', ${server}, 'now', 'active', ${digest("us")}, now(), 1, 'running')`;
  const [actorId, id] = [randomUUID(), randomUUID()];
  await sql`insert into actors (id, tenant_id, kind, name) values (${actorId}, ${tenantId}, 'agent', 'agent')`;
  await sql`
    insert into submissions (id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, request_sha256, state,
      message_id_header, thread_id, envelope_from, raw, size_bytes)
    values (${id}, ${tenantId}, ${mailboxId}, 'our', ${actorId}, 'k', '\\x00', 'sent', '<ours@our.example>', ${sentThread},
      'us@our.example', '{}', 1)`;
  await sql`insert into submission_recipients (submission_id, tenant_id, address) values (${id}, ${tenantId}, 'ada@friend.example')`;
});
afterAll(async () => {
  await database?.close();
  await sql?.end();
});

/** As the worker does with what it fetched, for a mailbox whose server vouches for nobody and a tenant that lists nobody. */
async function receive(...raws: readonly string[]): Promise<readonly { thread: string; verdict: string }[]> {
  const grant = await gate.authorize({
    actor: channelActor(tenantId),
    action: "mailbox.poll",
    resource: { tenantId, mailboxId },
  });
  const segment = await memoryBlobStore(() => tenantId).openSegment(grant);
  const drafts = [];
  for (const text of raws) {
    const raw = Buffer.from(text);
    const about = {
      uid: ++lastUid,
      sizeBytes: raw.length,
      internalDate: new Date(),
      providerId: null,
      providerThreadId: null,
    };
    const draft = await toNewMessage({ ...about, body: { kind: "bytes", raw } }, segment);
    if (draft !== null) drafts.push(draft);
  }
  const lookupTxt = async (name: string) => {
    asked.push(name);
    const answer = zone.get(name);
    if (answer === undefined) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
    return answer;
  };
  const deps = { database, classifiers: [createRulesContentClassifier()], lookupTxt };
  const page = { mailbox: { senderTrust: noSenderTrust }, drafts, signal: new AbortController().signal };
  const messages = await judgePage(deps, grant, page);
  const cursor = { uidValidity: 1n, lastUid, highestModseq: null, startedAt: new Date(0) };
  const where = { epoch: Epoch.parse(1), folder: "INBOX", uidValidity: 1n, cursor, unreadable: [], last: true };
  await database.inbox.storePage(grant, { ...where, messages });
  const rows = await sql`
    select m.thread_id, m.sender_verdict from messages m join message_locations l on l.message_id = m.id
    where l.uid > ${lastUid - raws.length} order by l.uid`;
  return rows.map((row) => ({ thread: String(row["thread_id"]), verdict: String(row["sender_verdict"]) }));
}

it("an answer joins the thread where its author's domain signed it; the same words from somebody else do not", async () => {
  const answer = { from: "Ada <ada@friend.example>", answers: "ours@our.example" };
  const tampered = signed({ ...answer, id: "3@friend.example" }).replace("Hello.", "Pay me");
  const stolen = signed({ from: "eve@friend.example", id: "4@friend.example" });
  const [first, forged, broken, replayed] = await receive(
    signed({ ...answer, id: "1@friend.example" }),
    unsigned({ ...answer, id: "2@friend.example" }),
    tampered,
    // A signature that held, over another's name, below a From of its own.
    `From: ada@friend.example\r\nIn-Reply-To: <ours@our.example>\r\n${stolen}`,
  );
  expect(first).toEqual({ thread: sentThread, verdict: "verified" });
  expect([forged?.verdict, broken?.verdict, replayed?.verdict]).not.toContain("verified");
  expect(new Set([sentThread, forged?.thread, broken?.thread, replayed?.thread]).size).toBe(4);

  const [next] = await receive(
    signed({ from: "ada@friend.example", id: "5@friend.example", answers: "1@friend.example" }),
  );
  expect(next).toEqual({ thread: sentThread, verdict: "verified" });
});

it("nobody is asked for the keys of a stranger, whatever he answers", async () => {
  asked.length = 0;
  const [stranger, guesser] = await receive(
    signed({ from: "eve@friend.example", id: "6@friend.example", answers: "ours@our.example" }),
    signed({ from: "ada@friend.example", id: "7@friend.example", answers: "guessed@our.example" }),
  );
  expect([stranger?.verdict, guesser?.verdict]).toEqual(["unverified", "unverified"]);
  expect(new Set([sentThread, stranger?.thread, guesser?.thread]).size).toBe(3);
  expect(asked).toEqual([]);
});
