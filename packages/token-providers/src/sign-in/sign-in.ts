import { OperationalError, Secret } from "@mailfleet/domain";
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  initiateDeviceAuthorization,
  pollDeviceAuthorizationGrant,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import type { ProviderAppMaterial } from "../provider-app-material.ts";
import { listenForAnswer } from "./listen-for-answer.ts";
import { openSignInClient } from "./open-sign-in-client.ts";
import { readIdentity, type SignedInIdentity } from "./read-identity.ts";
import { type SignInPlace, signInPlaceOf } from "./sign-in-place.ts";
import { toOperationalError, tooLate } from "./to-operational-error.ts";

/** What the user must be shown: where to go, and the code to type there where it is another device's browser. */
export type SignInInvitation = { readonly url: string; readonly userCode: string | null };

export type SignInRequest = {
  readonly app: ProviderAppMaterial;
  /** The mailbox's address: whoever else signs in is refused. */
  readonly address: string;
  /** A browser on this machine, or one anywhere (RFC 8628). */
  readonly by: { readonly kind: "loopback"; readonly port: number } | { readonly kind: "device" };
  readonly invite: (invitation: SignInInvitation) => void;
  readonly now: () => Date;
  readonly caPem?: string | undefined;
};

export type SignedIn = {
  readonly identity: SignedInIdentity;
  readonly refreshToken: Secret;
  readonly accessToken: Secret;
  readonly expiresAt: Date;
};

type TokenAnswer = Awaited<ReturnType<typeof authorizationCodeGrant>>;

/**
 * Has the mailbox's user sign in and consent once: the authorization-code flow with PKCE (RFC 7636), state and nonce, or the
 * device flow. Ends when the user is done, refuses, or `signal` says that it took too long.
 *
 * @throws OperationalError `sign-in.unfinished` when nobody came, the access was not allowed, or the answer was another's
 * @throws OperationalError `binding.unproven` when another account than the mailbox's signed in
 * @throws OperationalError `provider-app.missing`, and as a token endpoint's refusals are classified
 */
export async function signIn(request: SignInRequest, { signal }: { signal: AbortSignal }): Promise<SignedIn> {
  const { app, address, by, now, caPem } = request;
  const place = signInPlaceOf(app);
  try {
    const client = await openSignInClient(place, { caPem });
    const asked = { client, place, request, signal };
    const answer = by.kind === "device" ? await byDevice(asked) : await atLoopback(asked, by.port);
    const identity = readIdentity(answer.claims() ?? {}, { provider: place.provider, address });
    return { identity, ...readTokens(answer, now()) };
  } catch (error) {
    throw signal.aborted ? tooLate() : toOperationalError(error, now());
  }
}

type Asked = {
  readonly client: Configuration;
  readonly place: SignInPlace;
  readonly request: SignInRequest;
  readonly signal: AbortSignal;
};

async function atLoopback({ client, place, request, signal }: Asked, port: number): Promise<TokenAnswer> {
  await using listener = await listenForAnswer(port);
  const redirectUri = `http://${place.redirectHost}:${listener.port}/`;
  const [pkceCodeVerifier, expectedState, expectedNonce] = [randomPKCECodeVerifier(), randomState(), randomNonce()];
  const url = buildAuthorizationUrl(client, {
    ...place.parameters,
    redirect_uri: redirectUri,
    scope: place.scopes.join(" "),
    login_hint: request.address,
    code_challenge: await calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state: expectedState,
    nonce: expectedNonce,
  });
  request.invite({ url: url.href, userCode: null });
  const answer = await unlessAborted(listener.answer, signal);
  const cameBack = new URL(`${redirectUri}?${answer.toString()}`);
  // The code is good once: from here on nobody's signal is looked at.
  return authorizationCodeGrant(client, cameBack, { pkceCodeVerifier, expectedState, expectedNonce });
}

/** No nonce: the device flow has no place for one, and its answer comes over the connection that we asked on. */
async function byDevice({ client, place, request, signal }: Asked): Promise<TokenAnswer> {
  const begun = await initiateDeviceAuthorization(client, { scope: place.scopes.join(" ") });
  request.invite({ url: begun.verification_uri, userCode: begun.user_code });
  return pollDeviceAuthorizationGrant(client, begun, undefined, { signal });
}

function readTokens({ access_token, refresh_token, expiresIn }: TokenAnswer, now: Date) {
  const seconds = expiresIn();
  if (refresh_token === undefined || seconds === undefined) {
    const message = "the provider gave nothing that lasts; allow the app refresh tokens (offline access) there";
    throw new OperationalError("consent.missing", message);
  }
  return {
    refreshToken: Secret.of(refresh_token),
    accessToken: Secret.of(access_token),
    expiresAt: new Date(now.getTime() + seconds * 1_000),
  };
}

function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const leave = () => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener("abort", leave));
}
