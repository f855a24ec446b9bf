import { openBlobStore } from "@mailfleet/blob-store";
import { openDatabase } from "@mailfleet/database";
import { MailboxId, OperationalError, SubmissionId, type TenantId } from "@mailfleet/domain";
import { createGate, createTokenVerifier } from "@mailfleet/gate";
import { createContentKeys, createVault, type KeyManagementChoice, openKeyManagement } from "@mailfleet/vault";
import { createSendClient, type Receipt } from "./create-send-client.ts";
import type { SubmissionView, WaitOptions, WaitResult } from "./create-submission-client.ts";
import type { SendRequestInput } from "./send-request.ts";

export type SendClientOptions = {
  readonly databaseUrl: string;
  /** The folder of the blob store that the send workers read. */
  readonly blobRoot: string;
  /** What wraps the fleet's data keys: content is sealed before it is stored. Only `content` keys are ever unwrapped. */
  readonly key: KeyManagementChoice;
  /** An actor token of `mailfleet actor create`: of one tenant, for which everything is done. */
  readonly token: string;
  /** Connections to the database at most. */
  readonly poolSizeMax?: number;
};

/** A send request of the token's tenant, with plain strings for ids. What is left out of the lists is empty. */
export type TenantSendRequest = Pick<SendRequestInput, "idempotencyKey"> &
  Partial<Omit<SendRequestInput, "tenantId" | "mailboxId" | "idempotencyKey" | "answersMessageId">> & {
    readonly mailboxId: string;
    readonly answersMessageId?: string | null;
  };

/** What one tenant's program sends with. See `SendClient` for what each method promises. */
export type TenantSendClient = {
  enqueueSend(request: TenantSendRequest): Promise<Receipt>;
  getSubmission(submissionId: string): Promise<SubmissionView>;
  cancel(submissionId: string): Promise<{ readonly cancelled: boolean; readonly state: SubmissionView["state"] }>;
  waitFor(submissionId: string, options: WaitOptions): Promise<WaitResult>;
  /** Every process that opened a client closes it, or stays alive. */
  close(): Promise<void>;
};

/** A client sends for one tenant. */
const keyCache = { cacheSizeMax: 10, cacheTtlMs: 300_000 };

/**
 * Opens everything a producer needs, for a program outside this workspace: the database and the blob store of the fleet. No
 * other process has to be alive for a message to be accepted.
 *
 * @throws OperationalError `gate.denied` when the token is none of this fleet's, or an operator's; `schema.outdated`
 */
export async function openSendClient(options: SendClientOptions): Promise<TenantSendClient> {
  const { databaseUrl: url, blobRoot, key, token, poolSizeMax = 4 } = options;
  const now = () => new Date();
  const database = await openDatabase({ url, poolSizeMax, applicationName: "client" });
  try {
    const verifier = createTokenVerifier({ publicKeys: () => database.signingKeys.publicKeys(), now });
    const actor = await verifier.verify(token);
    const tenantId = tenantOf(actor.tenantId);
    const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
    const management = await openKeyManagement(key);
    const vault = createVault({ keys: database.tenantKeys, management, now, ...keyCache });
    const blobs = openBlobStore({ root: blobRoot, keys: createContentKeys(vault), now });
    const client = createSendClient({ database, blobs, gate, now });
    const refOf = (submissionId: string) => ({ tenantId, submissionId: idOf(SubmissionId, submissionId) });
    return {
      enqueueSend: ({ mailboxId, ...request }) =>
        client.enqueueSend(actor, {
          ...{
            to: [],
            cc: [],
            bcc: [],
            subject: null,
            text: null,
            html: null,
            attachments: [],
            answersMessageId: null,
          },
          ...request,
          ...{ tenantId, mailboxId: idOf(MailboxId, mailboxId) },
        }),
      getSubmission: async (id) => client.getSubmission(actor, refOf(id)),
      cancel: async (id) => client.cancel(actor, refOf(id)),
      waitFor: async (id, waitOptions) => client.waitFor(actor, refOf(id), waitOptions),
      async close() {
        await vault.close();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

function tenantOf(tenantId: TenantId | null): TenantId {
  if (tenantId !== null) return tenantId;
  const publicMessage = "An operator's token sends for nobody; make an actor with `mailfleet actor create`.";
  throw new OperationalError("gate.denied", "the token is an operator's", { publicMessage });
}

function idOf<Id>(schema: { safeParse(value: unknown): { data?: Id | undefined } }, value: string): Id {
  const { data } = schema.safeParse(value);
  if (data !== undefined) return data;
  throw new OperationalError("contract.violated", "an id is not a UUID", { publicMessage: "The id is not a UUID." });
}
