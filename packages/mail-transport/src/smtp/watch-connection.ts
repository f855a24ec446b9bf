import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SmtpFailure } from "./to-operational-error.ts";

export type StepOutcome<Value> = { readonly value: Value } | { readonly failure: SmtpFailure };

export type StepOptions = { readonly msMax: number; readonly signal: AbortSignal };

/** `done` ends the step. `within` gives it a new deadline, counted from now. */
export type Step<Value> = (
  done: (failure: SmtpFailure | null | undefined, value: Value) => void,
  within: (ms: number) => void,
) => void;

/**
 * Makes awaitable steps of a connection's callbacks and events. A step ends with its own answer, with the loss of the
 * connection, at its deadline or with the caller's abort, whichever comes first; the last two cut the connection.
 */
export function watchConnection(connection: SMTPConnection) {
  const lost = Promise.withResolvers<SmtpFailure>();
  connection.on("error", (failure: SmtpFailure) => lost.resolve(failure));
  // After a 421 the end is announced before the pending callback, in the same turn; the callback knows more.
  connection.on("end", () => setImmediate(() => lost.resolve({ code: "ECONNECTION" })));

  return async function step<Value>({ msMax, signal }: StepOptions, run: Step<Value>): Promise<StepOutcome<Value>> {
    const ended = Promise.withResolvers<StepOutcome<Value>>();
    const cut = (code: "EABORT" | "ETIMEDOUT") => {
      ended.resolve({ failure: { code } });
      connection.close();
    };
    if (signal.aborted) cut("EABORT");
    const onAbort = () => cut("EABORT");
    signal.addEventListener("abort", onAbort, { once: true });
    let deadline = setTimeout(cut, msMax, "ETIMEDOUT");
    let running = true;
    const within = (ms: number) => {
      clearTimeout(deadline);
      if (running) deadline = setTimeout(cut, ms, "ETIMEDOUT");
    };
    void lost.promise.then((failure) => ended.resolve({ failure }));
    if (!signal.aborted) run((failure, value) => ended.resolve(failure ? { failure } : { value }), within);
    try {
      return await ended.promise;
    } finally {
      running = false; // a server may answer before it has read everything, and the body goes on for a moment
      clearTimeout(deadline);
      signal.removeEventListener("abort", onAbort);
    }
  };
}
