import { setTimeout as pause } from "node:timers/promises";
import { type Login, type MailboxId, OperationalError, type TokenProvider } from "@mailfleet/domain";
import { requireGrant } from "@mailfleet/gate";
import type { CredentialGrant, CredentialReader, StoredCredential } from "./credential-reader.ts";
import { defaultExchangeLimits, type ExchangeLimits } from "./exchange-limits.ts";
import { exchangeOnce } from "./exchange-once.ts";
import type { ProviderApps } from "./provider-apps.ts";
import type { SharedTokens } from "./shared-tokens.ts";
import type { TokenFlow } from "./token-flow.ts";

export type TokenProviderOptions = {
  /** The flows this process can speak; each name once. */
  readonly flows: readonly TokenFlow[];
  readonly credentials: CredentialReader;
  /** What flows that ask a token endpoint share across the fleet. Left out where there are none of them. */
  readonly exchanges?: {
    readonly tokens: SharedTokens;
    readonly apps: ProviderApps;
    readonly limits?: Partial<ExchangeLimits>;
    readonly random: () => number;
    /** The provider refused one of the operator's apps; no mailbox is to blame. */
    readonly onAppRefused: (app: string, reason: string) => void;
  };
  readonly now: () => Date;
};

/** `close` waits for exchanges that have begun: what they bring must be stored. */
export type ClosableTokenProvider = TokenProvider<CredentialGrant> & { close(): Promise<void> };

const lookAgainMs = { first: 40, max: 500 } as const;

/**
 * Makes logins of stored credentials: by themselves, or by one exchange at a time across the whole fleet, whose token all
 * share until it ends. Written once for all flows. Nothing is kept in this process.
 */
export function createTokenProvider({
  flows,
  credentials,
  exchanges,
  now,
}: TokenProviderOptions): ClosableTokenProvider {
  const flowByName = new Map(flows.map((flow) => [flow.name, flow]));
  if (flowByName.size !== flows.length) throw new Error("two flows have the same name");
  const limits = { ...defaultExchangeLimits, ...exchanges?.limits };
  const running = new Map<string, Promise<Login>>();

  async function tryOnce(grant: CredentialGrant, mailboxId: MailboxId, signal: AbortSignal): Promise<Login | null> {
    const open = async (credential: StoredCredential) => {
      const flow = flowOf(flowByName, credential);
      if ("obtain" in flow) return (await flow.obtain(credential, { signal })).login;
      if (exchanges === undefined) throw new Error("a flow needs exchanges, and none were given");
      const plan = flow.plan(credential);
      return exchangeOnce({ ...exchanges, limits, now }, { grant, mailboxId, credential, plan }, signal);
    };
    return credentials.use(grant, mailboxId, open, { signal });
  }

  async function obtain(grant: CredentialGrant, mailboxId: MailboxId): Promise<Login> {
    const signal = AbortSignal.timeout(limits.waitMsMax);
    for (let waitMs: number = lookAgainMs.first; ; waitMs = Math.min(waitMs * 1.5, lookAgainMs.max)) {
      const login = await tryOnce(grant, mailboxId, signal);
      if (login !== null) return login;
      await pause(waitMs * (0.5 + (exchanges?.random() ?? 0)), undefined, { signal }).catch(() => {
        throw new OperationalError(
          "provider.unavailable",
          "another process was not answered by the token endpoint in time",
        );
      });
    }
  }

  return {
    async login(grant, mailboxId, { signal }) {
      requireGrant(grant, now());
      signal.throwIfAborted();
      // Whoever asks while somebody in this process does gets the same answer; leaving early leaves the others to it.
      const key = `${grant.tenantId}/${mailboxId}`;
      const joined = running.get(key) ?? obtain(grant, mailboxId).finally(() => running.delete(key));
      running.set(key, joined);
      return unlessAborted(joined, signal);
    },

    /** A password stays what the owner gave us; whether to try it again is for the caller to decide. */
    async reject(grant, _mailboxId, login, { signal }) {
      requireGrant(grant, now());
      signal.throwIfAborted();
      if (login.kind === "bearer") await exchanges?.tokens.invalidate(grant, login.token);
    },

    async close() {
      await Promise.allSettled(running.values());
    },
  };
}

function flowOf(flows: ReadonlyMap<string, TokenFlow>, { credentialId, version, flow }: StoredCredential): TokenFlow {
  const found = flows.get(flow);
  if (found !== undefined) return found;
  const known = [...flows.keys()].join(", ");
  const stored = `credential ${credentialId}, version ${version}, is for a flow this process does not know`;
  throw new OperationalError(
    "credential.unreadable",
    `${stored}; it knows ${known}. Deploy a version that knows it too`,
  );
}

function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const leave = () => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  return promise;
}
