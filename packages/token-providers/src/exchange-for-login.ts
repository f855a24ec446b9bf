import { type Login, OperationalError } from "@mailfleet/domain";
import type { StoredCredential } from "./credential-reader.ts";
import { type ProviderApps, readProviderApp, requireUnblocked } from "./provider-apps.ts";
import type { TokenFlow } from "./token-flow.ts";

export type CandidateLogin = {
  readonly login: Login;
  /** The material that takes the candidate's place, whatever happens next; null: it stays as it is. */
  readonly rotated: unknown;
};

/**
 * A login of a credential that is not stored yet, to see whether it is good. Nothing is shared and nothing is remembered:
 * where the provider replaced the secret, the caller stores it before anything else.
 *
 * @throws OperationalError as the credential's flow does
 */
export async function exchangeForLogin(
  { flows, apps, now }: { flows: readonly TokenFlow[]; apps: ProviderApps; now: () => Date },
  candidate: StoredCredential,
  options: { signal: AbortSignal },
): Promise<CandidateLogin> {
  const flow = flows.find(({ name }) => name === candidate.flow);
  if (flow === undefined)
    throw new OperationalError("credential.unreadable", "the credential's flow is not known here");
  if ("obtain" in flow) return { ...(await flow.obtain(candidate, options)), rotated: null };
  const { user, app: appName, exchange } = flow.plan(candidate);
  const { token, expiresAt, rotated } =
    appName === null
      ? await exchange(null)
      : await apps.use(
          appName,
          async (app) => {
            requireUnblocked(app, now());
            return exchange(readProviderApp(app));
          },
          options,
        );
  return { login: { kind: "bearer", user, token, expiresAt }, rotated };
}
