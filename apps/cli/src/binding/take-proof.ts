import { timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Challenge, NewBinding } from "@mailfleet/database";
import { OperationalError } from "@mailfleet/domain";
import { createIdTokenVerifier, digestOf, domainOf, hasDomainProof, parseIssuers } from "@mailfleet/mailbox-binding";
import { readMailbox } from "../commands/mailbox-lifecycle.ts";
import type { ProveOptions } from "../commands/mailbox-prove.ts";
import { UsageError } from "../faults.ts";
import type { Session } from "../open-session.ts";
import { type Asserted, assertBinding } from "./assert-binding.ts";
import type { Target } from "./begin-proof.ts";

type Proven = { readonly binding: NewBinding; readonly answered: Challenge };
type Method = Challenge["method"];

/** Checks a proof and writes down what it proves. A wrong one is counted, so that nobody goes on guessing. */
export async function takeProof(session: Session, target: Target, options: ProveOptions): Promise<NewBinding> {
  const { address } = await readMailbox(session, target.tenantId, target.mailboxId);
  const { by } = options;
  if (by === "assertion") return assertBinding(session, target, readAssertion(address, options));
  const { binding, answered } = await answer(session, target, { address, by, options });
  const grant = await session.authorize("mailbox.manage", { ...target, subjectId: `proof:${by}` });
  await session.database.bindings.record(grant, target.mailboxId, binding, answered);
  return binding;
}

function readAssertion(address: string, { provider, directory }: ProveOptions): Asserted {
  if (provider === undefined || directory === undefined)
    throw new UsageError("an assertion names what it asserts", "Add --provider PROVIDER and --directory ID.");
  if (!/^[A-Za-z0-9.-]{1,253}$/.test(directory))
    throw new UsageError("the directory is not one", "Use its id or a domain.");
  return { provider, directory, subject: address };
}

type Answering = { readonly address: string; readonly by: Method; readonly options: ProveOptions };

async function answer(session: Session, target: Target, { address, by, options }: Answering): Promise<Proven> {
  const { bindings } = session.database;
  const grant = await session.authorize("mailbox.manage", target);
  const challenge = await bindings.openChallenge(grant, target.mailboxId, by);
  if (challenge === null)
    throw new OperationalError(
      "binding.unproven",
      "no proof of this kind is waited for: it was used, came too late, or was never begun",
    );
  try {
    const found = await judge(session, { address, by, options }, challenge.nonceSha256);
    return { binding: { ...found, subject: address.toLowerCase(), proof: by }, answered: challenge };
  } catch (error) {
    if (error instanceof OperationalError && error.code === "binding.unproven")
      await bindings.countFailure(await session.authorize("mailbox.manage", target), target.mailboxId, by);
    throw error;
  }
}

async function judge(
  session: Session,
  { address, by, options }: Answering,
  nonceSha256: Uint8Array,
): Promise<Pick<NewBinding, "provider" | "directory">> {
  if (by === "id-token") return judgeIdToken(session, { address, options, nonceSha256 });
  const { provider, answer: nonce } = options;
  if (provider === undefined) throw new UsageError("the provider is not named", "Add --provider PROVIDER.");
  if (by === "nonce") {
    if (nonce === undefined)
      throw new UsageError("there is no answer", "Add --answer NONCE, as it stands in the mailbox.");
    if (!timingSafeEqual(digestOf(nonce), nonceSha256))
      throw new OperationalError("binding.unproven", "this is not the nonce that was sent to the mailbox");
  } else {
    const servers = session.config.binding.dnsServers;
    if (!(await hasDomainProof({ address, nonceSha256, servers })))
      throw new OperationalError("binding.unproven", "the domain's TXT record is not there, or says something else");
  }
  return { provider, directory: domainOf(address) };
}

type IdTokenAnswer = { readonly address: string; readonly options: ProveOptions; readonly nonceSha256: Uint8Array };

async function judgeIdToken({ config, now }: Session, { address, options, nonceSha256 }: IdTokenAnswer) {
  const { issuer: name, idTokenFile } = options;
  if (name === undefined || idTokenFile === undefined)
    throw new UsageError("no ID token is named", "Add --issuer NAME and --id-token-file FILE.");
  const issuer = parseIssuers(await readText(config.binding.issuersFile())).find((each) => each.name === name);
  if (issuer === undefined) throw new UsageError(`no issuer is called ${name}`, "Use a name of BINDING_ISSUERS_FILE.");
  return createIdTokenVerifier(issuer, now).verify({ token: await readText(idTokenFile), address, nonceSha256 });
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new UsageError(`${path} cannot be read (${code})`, "Name a file that is there.");
  }
}
