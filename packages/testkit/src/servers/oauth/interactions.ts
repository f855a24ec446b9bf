import type { IncomingMessage, ServerResponse } from "node:http";
import type Provider from "oidc-provider";

/** Whoever sits at a browser, and whether they allow what an app asks for. */
export type Person = { readonly user: string; readonly consents: boolean };

/** A person's name and mind as their browser sends it along, in place of a password typed and a button pressed. */
export const personCookie = "person";
export const toCookie = ({ user, consents }: Person): string => encodeURIComponent(JSON.stringify({ user, consents }));

/** The page on which a person signs in and consents: answered at once, as the person of the cookie would. */
export async function answerInteraction(
  provider: Provider,
  [request, response]: readonly [IncomingMessage, ServerResponse],
  onConsent: (user: string, grantId: string) => void,
): Promise<void> {
  await decide(provider, [request, response], onConsent).catch((error: unknown) => response.destroy(error as Error));
}

async function decide(
  provider: Provider,
  [request, response]: readonly [IncomingMessage, ServerResponse],
  onConsent: (user: string, grantId: string) => void,
): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  const { user, consents } = personOf(request);
  const answer = (result: object) =>
    provider.interactionFinished(request, response, result as never, { mergeWithLastSubmission: true });
  if (prompt.name === "login") return answer({ login: { accountId: user } });
  if (!consents) return answer({ error: "access_denied", error_description: "the person said no" });
  const clientId = String(params["client_id"]);
  const accountId = session?.accountId ?? user;
  const grant =
    (grantId === undefined ? undefined : await provider.Grant.find(grantId)) ??
    new provider.Grant({ accountId, clientId });
  grant.addOIDCScope(String(params["scope"]));
  const saved = await grant.save();
  onConsent(accountId, saved);
  return answer({ consent: { grantId: saved } });
}

function personOf({ headers }: IncomingMessage): Person {
  const sent = new RegExp(`${personCookie}=([^;]+)`).exec(headers.cookie ?? "")?.[1];
  if (sent === undefined) throw new Error("nobody sits at this browser");
  return JSON.parse(decodeURIComponent(sent)) as Person;
}
