import { OperationalError, Secret } from "@mailfleet/domain";
import type { TokenAnswer } from "./create-token-http.ts";
import { TokenReply } from "./reply-schemas.ts";
import { toOperationalError } from "./to-operational-error.ts";

export type ReadToken = {
  readonly token: Secret;
  readonly expiresAt: Date;
  readonly refreshToken: string | null;
  readonly scope: string | null;
};

/**
 * The token of an answer, good for as long as the provider says and not a constant.
 *
 * @throws OperationalError as `toOperationalError` decides
 */
export function readTokenAnswer(answer: TokenAnswer, now: Date): ReadToken {
  if (answer.status !== 200) throw toOperationalError(answer, now);
  const reply = parse(answer.body);
  if (reply === null) throw new OperationalError("provider.unavailable", "token endpoint: an answer without a token");
  return {
    token: Secret.of(reply.access_token),
    expiresAt: new Date(now.getTime() + reply.expires_in * 1_000),
    refreshToken: reply.refresh_token ?? null,
    scope: reply.scope ?? null,
  };
}

function parse(body: string): TokenReply | null {
  try {
    return TokenReply.safeParse(JSON.parse(body)).data ?? null;
  } catch {
    return null; // the parser's own message quotes the text
  }
}
