import { setImmediate as turn } from "node:timers/promises";
import {
  type Login,
  type MailTransport,
  OperationalError,
  type OutgoingMessage,
  type RecipientRefusal,
} from "@mailfleet/domain";
import type { BreakingPoint, DeliveredCopy } from "./describe-mail-transport.ts";

export type MemoryMailTransportOptions = {
  /** The one login that is right; without it every login is. */
  readonly login?: { readonly user: string; readonly secret: string };
  /** What is said to a recipient, by address. All others are accepted. */
  readonly refusals?: Readonly<Record<string, Omit<RecipientRefusal, "address">>>;
  readonly serverMessageId?: string;
};

export type MemoryMailTransport = MailTransport & {
  /** Every copy that reached a recipient, in order. */
  readonly delivered: readonly DeliveredCopy[];
  /** Sends from now on break there; null mends it. */
  breakAt(point: BreakingPoint | null): void;
};

/** A MailTransport that keeps what it was handed, and fails where it is told to. */
export function memoryMailTransport(options: MemoryMailTransportOptions = {}): MemoryMailTransport {
  const delivered: DeliveredCopy[] = [];
  let broken: BreakingPoint | null = null;

  return {
    delivered,
    breakAt(point) {
      broken = point;
    },
    async send({ login }, message, { signal, beforeTransmit }) {
      check(message);
      await turn(); // as every real one, it answers later
      if (signal.aborted || broken === "greeting") throw failed("provider.unavailable");
      if (!isRight(login, options.login)) throw failed("login.refused");
      await beforeTransmit();
      if (signal.aborted) throw failed("provider.unavailable");

      const refused = message.envelope.to.flatMap((address) => refusalOf(address, options));
      const accepted = message.envelope.to.filter((address) => refused.every((refusal) => refusal.address !== address));
      if (accepted.length === 0) return { accepted, refused, serverMessageId: null };
      if (broken === "body") throw failed("send.outcome-unknown");
      for (const recipient of accepted) delivered.push({ recipient, raw: Uint8Array.from(message.raw) });
      if (broken === "silence") await aborted(signal);
      if (broken !== null) throw failed("send.outcome-unknown");
      return { accepted, refused, serverMessageId: options.serverMessageId ?? null };
    },
  };
}

function refusalOf(address: string, { refusals }: MemoryMailTransportOptions): RecipientRefusal[] {
  const refusal = refusals?.[address];
  return refusal === undefined ? [] : [{ address, ...refusal }];
}

function isRight(login: Login, right: MemoryMailTransportOptions["login"]): boolean {
  const secret = login.kind === "password" ? login.password : login.token;
  return right === undefined || (login.user === right.user && secret.reveal() === right.secret);
}

function check({ envelope, raw }: OutgoingMessage): void {
  const hasLoneLineEnd = /(?<!\r)\n|\r(?!\n)/.test(Buffer.from(raw).toString("latin1"));
  const hasControl = [envelope.from, ...envelope.to].some((address) => /[\s<>\p{Cc}]/u.test(address));
  if (hasLoneLineEnd || hasControl || envelope.to.length === 0) throw failed("contract.violated");
}

function failed(code: ConstructorParameters<typeof OperationalError>[0]): OperationalError {
  return new OperationalError(code, `memory mail transport: ${code}`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
