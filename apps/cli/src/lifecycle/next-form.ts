import { createHash } from "node:crypto";
import type { MailboxRow } from "@mailfleet/database";
import { OperationalError, parseAtEdge, type Secret } from "@mailfleet/domain";
import {
  GoogleServiceAccountMaterial,
  MicrosoftClientCredentialsMaterial,
  OauthRefreshTokenMaterial,
  PasswordMaterial,
} from "@mailfleet/token-providers";
import { createCredentialStore, type OpenCredential } from "@mailfleet/vault";
import type { Session } from "../open-session.ts";
import { readServiceAccountKey } from "../provider-apps/read-app-file.ts";
import { mailboxIdentity } from "../provisioning/mailbox-identity.ts";
import type { StoredForm } from "../provisioning/wanted-material.ts";
import { type Target, useStaged, within } from "./stage-credential.ts";

/** What a rotation brings: a secret, or the name of the provider app that the mailbox is opened with from now on. */
export type NewMaterial =
  | { readonly kind: "password"; readonly password: Secret; readonly user: string | undefined }
  | { readonly kind: "refresh-token"; readonly refreshToken: Secret; readonly app: string | undefined }
  | { readonly kind: "service-account-key"; readonly key: Secret }
  | { readonly kind: "app"; readonly app: string };

type Asked<Kind extends NewMaterial["kind"] = NewMaterial["kind"]> = {
  readonly mailbox: MailboxRow;
  readonly wanted: Extract<NewMaterial, { kind: Kind }>;
};

/**
 * What is sealed next. Whose mailbox it is, and in which directory, is taken from what is in force and never from what a
 * rotation brings: another login is another mailbox, whose binding is proven anew.
 *
 * @throws OperationalError `resource.conflicting` for material of another flow, `credential.missing`, `contract.violated`
 */
export async function nextForm(session: Session, target: Target, { mailbox, wanted }: Asked): Promise<StoredForm> {
  if (wanted.kind === "password") {
    const user = await findUser(session, target, { mailbox, wanted });
    return { flow: "password", material: { user, password: wanted.password.reveal() } };
  }
  if (wanted.kind === "refresh-token") {
    const left = await leftOver(session, target, wanted.refreshToken);
    if (left !== null) return left;
  }
  const form = await readInForce(session, target, async (stored) => replaceIn(stored, wanted));
  if (form !== null) return form;
  const message = "the mailbox has no credential; `mailfleet mailbox connect` or `mailfleet provision` gives it one";
  throw new OperationalError("credential.missing", message);
}

function replaceIn({ flow, material }: OpenCredential, wanted: Asked["wanted"]): StoredForm {
  const edge = "the credential in force";
  if (flow === "oauth-refresh-token" && wanted.kind === "refresh-token") {
    const { user, app, ...old } = parseAtEdge(OauthRefreshTokenMaterial, material, edge);
    const refreshToken = wanted.refreshToken.reveal();
    const firstSha256 = digestOf(refreshToken);
    // Asked with twice, a provider ends all that came of it: the mailbox would be lost by its own rotation.
    if (refreshToken === old.refreshToken || firstSha256 === old.firstSha256)
      throw new OperationalError(
        "resource.conflicting",
        "this refresh token is the one in force; have the user sign in anew for another",
      );
    return { flow, material: { user, app: wanted.app ?? app, refreshToken, firstSha256 } };
  }
  if (flow === "google-service-account" && wanted.kind === "service-account-key") {
    const { user } = parseAtEdge(GoogleServiceAccountMaterial, material, edge);
    return { flow, material: { user, key: readServiceAccountKey(wanted.key.reveal()) } };
  }
  if (flow === "google-service-account" && wanted.kind === "app") {
    return {
      flow,
      material: { user: parseAtEdge(GoogleServiceAccountMaterial, material, edge).user, app: wanted.app },
    };
  }
  if (flow === "microsoft-client-credentials" && wanted.kind === "app") {
    return { flow, material: { ...parseAtEdge(MicrosoftClientCredentialsMaterial, material, edge), app: wanted.app } };
  }
  const takes = optionsByFlow[flow] ?? "none that this version knows";
  throw new OperationalError("resource.conflicting", `this mailbox signs in with ${flow}, which takes ${takes}`);
}

const optionsByFlow: Readonly<Record<string, string>> = {
  password: "--password-file or --password-env",
  "oauth-refresh-token": "--refresh-token-file or --refresh-token-env, and --app where the app is another",
  "google-service-account": "--key-file or --key-env, or --app",
  "microsoft-client-credentials": "--app",
};

/** An earlier rotation to this refresh token got as far as using it up: what the provider gave for it was kept. */
async function leftOver(session: Session, target: Target, given: Secret): Promise<StoredForm | null> {
  const grant = await session.authorize("credential.manage", target);
  const staged = await session.database.credentialLifecycle.staged(grant, target.mailboxId);
  if (staged === null || staged.flow !== "oauth-refresh-token") return null;
  return useStaged(session, target, {
    staged,
    use: async ({ flow, material }) => {
      const { data } = OauthRefreshTokenMaterial.safeParse(material);
      const isOfIt = data?.firstSha256 === digestOf(given.reveal()) && data.refreshToken !== given.reveal();
      return isOfIt ? { flow, material: data } : null;
    },
  });
}

/** A rotation keeps the login name: another name is another mailbox, whose binding is proven by `provision`. */
async function findUser(
  session: Session,
  target: Target,
  { mailbox, wanted: { user } }: Asked<"password">,
): Promise<string> {
  const stored = await readInForce(session, target, async ({ flow, material }) => {
    const { data } = PasswordMaterial.safeParse(material);
    if (flow === "password" && data !== undefined) return data.user;
    const takes = optionsByFlow[flow] ?? "none that this version knows";
    throw new OperationalError(
      "resource.conflicting",
      `this mailbox does not sign in with a password but with ${flow}, which takes ${takes}`,
    );
  });
  if (stored !== null && (user === undefined || user === stored)) return stored;
  if (user === undefined)
    throw new OperationalError("credential.missing", "the mailbox has no credential; say its login name with --user");
  if (Buffer.compare(mailboxIdentity({ host: mailbox.imap.host, user }), mailbox.identity) === 0) return user;
  throw new OperationalError("resource.conflicting", "this is not the login that the mailbox was connected with");
}

/** Null: there is none. */
async function readInForce<Result>(
  session: Session,
  target: Target,
  read: (stored: OpenCredential) => Promise<Result>,
): Promise<Result | null> {
  const store = createCredentialStore({ rows: session.database.credentials, vault: await session.vault() });
  const grant = await session.authorize("credential.manage", target);
  return store.use(grant, target.mailboxId, read, within()).catch((error: unknown) => {
    if (error instanceof OperationalError && error.code === "credential.missing") return null;
    throw error;
  });
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
