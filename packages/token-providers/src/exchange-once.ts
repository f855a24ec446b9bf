import { type ErrorCode, type Login, type MailboxId, OperationalError } from "@mailfleet/domain";
import type { CredentialGrant, StoredCredential } from "./credential-reader.ts";
import type { ExchangeLimits } from "./exchange-limits.ts";
import type { ProviderAppMaterial } from "./provider-app-material.ts";
import { type OpenProviderApp, type ProviderApps, readProviderApp, requireUnblocked } from "./provider-apps.ts";
import type { HeldToken, SharedTokens, TokenLease } from "./shared-tokens.ts";
import { storePersistently } from "./store-persistently.ts";
import type { Exchanged, ExchangePlan } from "./token-flow.ts";

export type ExchangeParts = {
  readonly tokens: SharedTokens;
  readonly apps: ProviderApps;
  readonly limits: ExchangeLimits;
  readonly now: () => Date;
  readonly random: () => number;
  /** The provider refused one of our own apps: an operator must hear of it. Called by the first process to notice. */
  readonly onAppRefused: (app: string, reason: string) => void;
};

export type Asked = {
  readonly grant: CredentialGrant;
  readonly mailboxId: MailboxId;
  readonly credential: StoredCredential;
  readonly plan: ExchangePlan;
};

/**
 * What the fleet holds for this credential, or one exchange for it. Null: somebody else is asking; look again in a moment,
 * and at the credential too, because it may have been replaced.
 */
export async function exchangeOnce(parts: ExchangeParts, asked: Asked, signal: AbortSignal): Promise<Login | null> {
  const { tokens, limits, now } = parts;
  const { grant, credential, plan } = asked;
  const subject = subjectOf(credential, plan);
  const { held, failure } = await tokens.find(grant, subject, { signal });
  const at = now().getTime();
  const good = held !== null && held.expiresAt.getTime() - at >= limits.lifetimeMsMin ? held : null;
  if (good !== null && good.refreshAt.getTime() > at) return loginOf(plan, good);
  if (failure !== null && failure.until.getTime() > at) return orThrow(plan, good, saidBefore(failure));

  requireTime(asked, parts);
  const wanted = { subject, credentialId: credential.credentialId, leaseMs: limits.leaseMs };
  const claimedAt = performance.now(); // before the row says so, so that our end is never later than the row's
  const lease = await tokens.claim(grant, wanted);
  if (lease === null) return good === null ? null : loginOf(plan, good);
  try {
    return await exchangeUnder({ ...lease, claimedAt }, parts, asked);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return orThrow(plan, good, error);
  }
}

type HeldLease = TokenLease & { readonly claimedAt: number };

/** From here on nobody's signal is looked at: a rotated token that is not stored locks the owner out. */
async function exchangeUnder(lease: HeldLease, parts: ExchangeParts, asked: Asked): Promise<Login | null> {
  const { tokens, limits } = parts;
  const { grant, mailboxId, credential, plan } = asked;
  const exchanged = await exchange(parts, asked, lease).catch(async (error: unknown) => {
    const failure = toFailure(error, lease, parts);
    await tokens.fail(grant, lease, { code: failure.code, until: failure.until });
    throw failure.error;
  });
  const token = toHeld(exchanged, parts);
  const { rotated } = exchanged;
  const within = { msMax: limits.storeMsMax };
  if (rotated === null) {
    // Where the lease was lost somebody else stored theirs; this one is as good.
    await storePersistently(({ signal }) => tokens.store(grant, lease, token, { signal }), within);
    return loginOf(plan, token);
  }
  const version = {
    flow: credential.flow,
    material: rotated,
    token,
    subjectOf: (credentialId: StoredCredential["credentialId"]) => subjectOf({ ...credential, credentialId }, plan),
  };
  const stored = await storePersistently(
    ({ signal }) => tokens.storeRotated(grant, mailboxId, lease, version, { signal }),
    within,
  );
  return stored ? loginOf(plan, token) : null; // the owner gave us another one meanwhile, and that one counts
}

async function exchange(parts: ExchangeParts, { grant, plan }: Asked, lease: HeldLease): Promise<Exchanged> {
  const { tokens, apps, now, limits, onAppRefused } = parts;
  const options = { signal: AbortSignal.timeout(limits.leaseMs) };
  await tokens.prepare(grant, options);
  if (plan.app === null) {
    requireLease(lease, limits);
    return exchangeWithoutApp(plan);
  }
  return apps.use(
    plan.app,
    async (app: OpenProviderApp) => {
      requireUnblocked(app, now());
      const material: ProviderAppMaterial = readProviderApp(app);
      requireLease(lease, limits);
      try {
        return await plan.exchange(material);
      } catch (error) {
        if (error instanceof OperationalError && error.code === "provider-app.refused") {
          const refusal = { reason: error.message, until: new Date(now().getTime() + limits.blockMs) };
          if (await apps.block(app, refusal)) onAppRefused(app.name, error.message);
        }
        throw error;
      }
    },
    options,
  );
}

/** With a key of the customer's own there is no app of ours to blame: they must give us another key. */
async function exchangeWithoutApp(plan: ExchangePlan): Promise<Exchanged> {
  try {
    return await plan.exchange(null);
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "provider-app.refused") throw error;
    throw new OperationalError("login.refused", error.message, {
      publicMessage: "The provider refused the key. Please provide another one.",
    });
  }
}

type Failure = { readonly error: unknown; readonly code: ErrorCode; readonly until: Date };

/** How long everyone is answered the same: long enough for all who wait, short enough to notice a repair. */
const refusedMs = 15_000;
const unansweredMs = 3_000;

function toFailure(error: unknown, { interrupted }: TokenLease, { now }: ExchangeParts): Failure {
  const after = (ms: number) => new Date(now().getTime() + ms);
  if (!(error instanceof OperationalError)) return { error, code: "provider.unavailable", until: after(unansweredMs) };
  if (interrupted && error.code === "login.refused") {
    const message =
      "a process died before it could store a rotated refresh token, and the provider takes the old one no more";
    const publicMessage = "The connection to the mailbox was lost. Please connect it again.";
    const lost = new OperationalError("credential.lost", message, { cause: error, publicMessage });
    return { error: lost, code: lost.code, until: after(refusedMs) };
  }
  const until = error.retryAt ?? after(error.remedy === "retry" ? unansweredMs : refusedMs);
  return { error, code: error.code, until };
}

function saidBefore({ code, until }: { code: ErrorCode; until: Date }): OperationalError {
  return new OperationalError(code, "the token endpoint answered so a moment ago", { retryAt: until });
}

/** A refresh before its time may fail: the token at hand is still good. */
function orThrow(plan: ExchangePlan, good: HeldToken | null, error: OperationalError): Login {
  if (good !== null) return loginOf(plan, good);
  throw error;
}

function loginOf({ user }: ExchangePlan, { token, expiresAt }: HeldToken): Login {
  return { kind: "bearer", user, token, expiresAt };
}

/** Asked for early, and spread, so that what was obtained together is not refreshed together. */
function toHeld({ token, expiresAt }: Exchanged, { now, random }: ExchangeParts): HeldToken {
  const at = now().getTime();
  const refreshAt = new Date(at + (expiresAt.getTime() - at) * (0.7 + 0.2 * random()));
  return { token, expiresAt, refreshAt };
}

function subjectOf({ credentialId, flow }: StoredCredential, { app, sharedBy }: ExchangePlan): string {
  return sharedBy === null ? `credential:${credentialId}` : `${flow}:${app}:${sharedBy}`;
}

/**
 * The last look before the question leaves: the lease must outlast the answer and its storing. Whoever was held up does not
 * ask, because somebody else may by then, and the same refresh token twice ends all of its family.
 */
function requireLease({ claimedAt }: HeldLease, { leaseMs, answerMsMax, storeMsMax }: ExchangeLimits): void {
  if (performance.now() <= claimedAt + leaseMs - answerMsMax - storeMsMax) return;
  throw new OperationalError("provider.unavailable", "held up before the token endpoint was asked; another try will");
}

/** The answer is stored under this grant, so it must still be good when the answer comes. */
function requireTime({ grant }: Asked, { limits, now }: ExchangeParts): void {
  if (grant.expiresAt.getTime() - now().getTime() >= limits.leaseMs) return;
  throw new OperationalError("grant.expired", "the grant would end before an exchange does");
}
