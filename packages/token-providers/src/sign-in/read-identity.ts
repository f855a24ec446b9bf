import { OperationalError } from "@mailfleet/domain";
import type { SignInPlace } from "./sign-in-place.ts";

/** Who signed in, as the issuer's verified ID token says. */
export type SignedInIdentity = {
  readonly provider: SignInPlace["provider"];
  /** Entra's directory, or the domain of a Google organisation; null where there is none. */
  readonly directory: string | null;
  /** The address, in lower case. */
  readonly subject: string;
};

/**
 * The mailbox's own user, or nobody: whoever signs in as another proves another mailbox. Takes claims whose signature,
 * issuer, audience, nonce and time were checked.
 *
 * At Microsoft `email` may be set to anything by a directory's administrator, so the sign-in name counts; and since a name is
 * not a mailbox either, the caller signs in to the mail server as this address before it believes any of it.
 *
 * @throws OperationalError `binding.unproven`, without any address
 */
export function readIdentity(
  claims: Readonly<Record<string, unknown>>,
  { provider, address }: { provider: SignInPlace["provider"]; address: string },
): SignedInIdentity {
  const named = claims[provider === "microsoft" ? "preferred_username" : "email"];
  if (typeof named !== "string") throw unproven("the provider did not say who signed in; check the app's scopes");
  if (provider !== "microsoft" && claims["email_verified"] !== true)
    throw unproven("the provider has not verified the address of whoever signed in");
  const subject = named.toLowerCase();
  if (subject !== address.toLowerCase())
    throw unproven(
      "another account than the mailbox's signed in; run the same command and sign in as the mailbox's own user",
    );
  const directory = claims[provider === "microsoft" ? "tid" : "hd"];
  const isDirectory = typeof directory === "string" && /^[A-Za-z0-9.-]{1,253}$/.test(directory);
  return { provider, directory: isDirectory && provider !== "oidc" ? directory.toLowerCase() : null, subject };
}

function unproven(why: string): OperationalError {
  return new OperationalError("binding.unproven", why, {
    publicMessage: "The account that signed in is not the mailbox's own.",
  });
}
