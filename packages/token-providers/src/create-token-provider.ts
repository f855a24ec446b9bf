import { OperationalError, type TokenProvider } from "@mailfleet/domain";
import { requireGrant } from "@mailfleet/gate";
import type { CredentialGrant, CredentialReader, StoredCredential } from "./credential-reader.ts";
import type { TokenFlow } from "./token-flow.ts";

export type TokenProviderOptions = {
  /** The flows this process can speak; each name once. */
  readonly flows: readonly TokenFlow[];
  readonly credentials: CredentialReader;
  readonly now: () => Date;
};

/** Reads the mailbox's credential and lets its flow make a login of it. Written once for all flows. */
export function createTokenProvider({ flows, credentials, now }: TokenProviderOptions): TokenProvider<CredentialGrant> {
  const flowByName = new Map(flows.map((flow) => [flow.name, flow]));
  if (flowByName.size !== flows.length) throw new Error("two flows have the same name");

  function flowOf({ credentialId, version, flow }: StoredCredential): TokenFlow {
    const found = flowByName.get(flow);
    if (found !== undefined) return found;
    const known = [...flowByName.keys()].join(", ");
    const stored = `credential ${credentialId}, version ${version}, is for a flow this process does not know`;
    throw new OperationalError(
      "credential.unreadable",
      `${stored}; it knows ${known}. Deploy a version that knows it too`,
    );
  }

  return {
    async login(grant, mailboxId, { signal }) {
      requireGrant(grant, now());
      signal.throwIfAborted();
      const obtain = async (credential: StoredCredential) => flowOf(credential).obtain(credential, { signal });
      const { login } = await credentials.use(grant, mailboxId, obtain, { signal });
      return login;
    },

    /**
     * There is nothing to take back: a login is made of the stored credential each time and none is kept. A refused
     * password stays what the owner gave us, until they give another; whether to try it again is for the caller to decide.
     */
    async reject(grant, _mailboxId, _login, { signal }) {
      requireGrant(grant, now());
      signal.throwIfAborted();
    },
  };
}
