/** A user signs in once, in a browser. Apart from the rest: workers never need its library. */

export type { SignedInIdentity } from "./read-identity.ts";
export { revokeConsent } from "./revoke-consent.ts";
export type { SignedIn, SignInInvitation, SignInRequest } from "./sign-in.ts";
export { signIn } from "./sign-in.ts";
