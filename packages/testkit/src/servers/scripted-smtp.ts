import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { converse } from "./smtp-conversation.ts";
import { testCertificate } from "./tls.ts";

/**
 * What is said: a text, the end of the connection instead, or whatever the function says when it says it. After a line
 * that announces another (`250-…`) it is asked again.
 */
export type SmtpAnswer = "drop" | string | (() => Promise<string>);

/** Where a server leaves the path of RFC 5321. What is not told goes well. */
export type SmtpScript = {
  readonly greeting?: SmtpAnswer;
  /** `hide` does not offer STARTTLS; any other text answers it. */
  readonly starttls?: "hide" | string;
  /** EHLO keywords besides STARTTLS. */
  readonly extensions?: readonly string[];
  /** Answers every login, right or wrong. */
  readonly auth?: SmtpAnswer;
  readonly sender?: SmtpAnswer;
  /** Answers to RCPT TO, by address. */
  readonly recipients?: Readonly<Record<string, string>>;
  /** Answers DATA; anything but a 354 refuses it. */
  readonly data?: SmtpAnswer;
  /** After the first line of the body: cuts the connection, or reads no further until the function says so. */
  readonly body?: "drop" | (() => Promise<void>);
  /** Answers the final dot. */
  readonly reply?: SmtpAnswer;
  readonly quit?: SmtpAnswer;
};

export type ReceivedMessage = {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: Uint8Array;
};

/** What the server saw, over all connections, in order. */
export type SmtpRecord = {
  connectionsCount: number;
  /** Command lines without the secrets of AUTH. */
  readonly commands: string[];
  /** Messages received up to their final dot, whether they were answered or not. */
  readonly messages: ReceivedMessage[];
};

export type ScriptedSmtpOptions = {
  readonly security?: "tls" | "starttls";
  /** The one login that is right, for AUTH PLAIN, LOGIN and XOAUTH2. */
  readonly login?: { readonly user: string; readonly secret: string };
  readonly script?: SmtpScript;
  /** The names in its certificate. */
  readonly names?: readonly string[];
};

export type ScriptedSmtp = {
  readonly host: "localhost";
  readonly port: number;
  readonly security: "tls" | "starttls";
  readonly caPem: string;
  readonly seen: SmtpRecord;
  /** Connections from now on follow this script; without one, all goes well. Those from before end here. */
  play(script?: SmtpScript): void;
  openConnectionsCount(): number;
  close(): Promise<void>;
};

/** A submission server on 127.0.0.1 that misbehaves as told, and keeps what it received. */
export async function startScriptedSmtp(options: ScriptedSmtpOptions = {}): Promise<ScriptedSmtp> {
  const { security = "starttls", login = { user: "user@example.com", secret: "right" } } = options;
  const { caPem, certPem, keyPem } = await testCertificate(...(options.names === undefined ? [] : [options.names]));
  const secureContext = createSecureContext({ cert: certPem, key: keyPem });
  const encrypt = (socket: Socket) => new TLSSocket(socket, { isServer: true, secureContext });
  const seen: SmtpRecord = { connectionsCount: 0, commands: [], messages: [] };
  const open = new Set<Socket>();
  let script = options.script ?? {};

  const server = createServer((socket) => {
    seen.connectionsCount += 1;
    open.add(socket);
    socket.on("error", () => {}).on("close", () => open.delete(socket));
    const first = security === "tls" ? encrypt(socket) : socket;
    void converse(first, { script, login, seen, encrypt: security === "tls" ? null : encrypt });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    host: "localhost",
    port: (server.address() as AddressInfo).port,
    security,
    caPem,
    seen,
    play(next = {}) {
      script = next;
      for (const socket of open) socket.destroy();
    },
    openConnectionsCount: () => open.size,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
