import type { Socket } from "node:net";
import { type LineSocket, lineSocket } from "./line-socket.ts";
import type { SmtpAnswer, SmtpRecord, SmtpScript } from "./scripted-smtp.ts";

export type ConversationOptions = {
  readonly script: SmtpScript;
  readonly login: { readonly user: string; readonly secret: string };
  readonly seen: SmtpRecord;
  /** Upgrades the connection; null once it is encrypted. */
  readonly encrypt: ((socket: Socket) => Socket) | null;
};

type Envelope = { from: string | null; to: string[] };

const defaultExtensions = [
  "PIPELINING",
  "SIZE 10485760",
  "AUTH PLAIN LOGIN XOAUTH2",
  "ENHANCEDSTATUSCODES",
  "8BITMIME",
  "SMTPUTF8",
];

const unknownCommand = "502 5.5.2 Error: command not recognized";

/** Speaks the server's side of SMTP on one connection, leaving the path where the script says so. */
export async function converse(socket: Socket, options: ConversationOptions): Promise<void> {
  socket.on("error", () => {}); // a client that goes away is what many tests are about
  const wire = lineSocket(socket);
  if (!(await answer(wire, options.script.greeting ?? "220 scripted.example ESMTP"))) return;
  await obey(wire, options);
}

async function obey(wire: LineSocket, options: ConversationOptions): Promise<void> {
  const { script, seen, encrypt } = options;
  const envelope: Envelope = { from: null, to: [] };
  for (let line = await wire.line(); line !== null; line = await wire.line()) {
    const verb = line.split(/[ :]/, 1)[0]?.toUpperCase() ?? "";
    seen.commands.push(verb === "AUTH" ? line.split(" ").slice(0, 2).join(" ") : line);
    if (verb === "STARTTLS" && encrypt !== null) {
      wire.say(script.starttls === "hide" ? unknownCommand : (script.starttls ?? "220 2.0.0 Ready to start TLS"));
      if (script.starttls === undefined)
        return obey(lineSocket(quiet(encrypt(wire.release()))), { ...options, encrypt: null });
    } else if (verb === "AUTH") await authenticate(wire, line, options);
    else if (verb === "DATA") await receive(wire, envelope, options);
    else if (!(await answer(wire, ...replyTo(verb, line, envelope, options)))) return;
    if (verb === "QUIT") return wire.cut();
  }
}

function quiet(socket: Socket): Socket {
  return socket.on("error", () => {});
}

function replyTo(
  verb: string,
  line: string,
  envelope: Envelope,
  { script, encrypt }: ConversationOptions,
): readonly SmtpAnswer[] {
  const [, address = ""] = /<([^>]*)>/.exec(line) ?? [];
  switch (verb) {
    case "EHLO": {
      const offered = encrypt !== null && script.starttls !== "hide" ? ["STARTTLS"] : [];
      const keywords = ["scripted.example", ...offered, ...(script.extensions ?? defaultExtensions)];
      return keywords.map((keyword, index) => `250${index === keywords.length - 1 ? " " : "-"}${keyword}`);
    }
    case "MAIL":
      envelope.from = address;
      envelope.to = [];
      return [script.sender ?? "250 2.1.0 Ok"];
    case "RCPT": {
      const refusal = script.recipients?.[Buffer.from(address, "latin1").toString("utf8")];
      if (refusal === undefined) envelope.to.push(address);
      return [refusal ?? "250 2.1.5 Ok"];
    }
    case "QUIT":
      return [script.quit ?? "221 2.0.0 Bye"];
    case "RSET":
    case "NOOP":
      return ["250 2.0.0 Ok"];
    default:
      return [unknownCommand];
  }
}

async function authenticate(
  wire: LineSocket,
  line: string,
  { script, login, encrypt }: ConversationOptions,
): Promise<void> {
  if (encrypt !== null) return wire.say("530 5.7.0 Must issue a STARTTLS command first");
  const [, mechanism, initial = ""] = line.split(" ");
  const right = await readCredentials(wire, mechanism ?? "", initial, login);
  const answered =
    script.auth ?? (right ? "235 2.7.0 Authentication successful" : "535 5.7.8 Error: authentication failed");
  if (mechanism === "XOAUTH2" && typeof answered === "string" && /^[45]/.test(answered)) {
    wire.say(`334 ${Buffer.from('{"status":"401"}').toString("base64")}`);
    await wire.line();
  }
  await answer(wire, answered);
}

async function readCredentials(
  wire: LineSocket,
  mechanism: string,
  initial: string,
  login: ConversationOptions["login"],
) {
  const decode = (text: string | null) => Buffer.from(text ?? "", "base64").toString("utf8");
  const ask = async (prompt: string) => {
    wire.say(`334 ${Buffer.from(prompt).toString("base64")}`);
    return decode(await wire.line());
  };
  if (mechanism === "PLAIN") return decode(initial) === `\0${login.user}\0${login.secret}`;
  if (mechanism === "XOAUTH2")
    return decode(initial) === `user=${login.user}\u0001auth=Bearer ${login.secret}\u0001\u0001`;
  if (mechanism !== "LOGIN") return false;
  const user = await ask("Username:");
  return user === login.user && (await ask("Password:")) === login.secret;
}

async function receive(wire: LineSocket, envelope: Envelope, { script, seen }: ConversationOptions): Promise<void> {
  const refusal = envelope.to.length > 0 ? null : "554 5.5.1 Error: no valid recipients";
  const go = await answer(wire, script.data ?? refusal ?? "354 End data with <CR><LF>.<CR><LF>");
  if (!go?.startsWith("354")) return;
  const lines: string[] = [];
  for (let line = await wire.line(); line !== "."; line = await wire.line()) {
    if (line === null) return; // gone before the final dot: there is no message (RFC 5321 §4.1.1.4)
    if (script.body === "drop") return wire.cut();
    if (script.body !== undefined && lines.length === 0) await wire.pause(script.body());
    lines.push(line.startsWith(".") ? line.slice(1) : line);
  }
  const raw = Buffer.from(lines.map((line) => `${line}\r\n`).join(""), "latin1");
  seen.messages.push({ from: envelope.from ?? "", to: [...envelope.to], raw: new Uint8Array(raw) });
  await answer(wire, script.reply ?? "250 2.0.0 Ok: queued as SCRIPTED");
}

/** Says it, or cuts the connection. Returns what was said first; null when there is nothing more to say. */
async function answer(wire: LineSocket, ...answers: readonly SmtpAnswer[]): Promise<string | null> {
  const lines: string[] = [];
  for (const each of answers) lines.push(typeof each === "function" ? await askFor(wire, each) : each);
  if (lines[0] === "drop") wire.cut();
  else wire.say(...lines);
  return lines[0] === "drop" ? null : (lines[0] ?? null);
}

/** A reply that goes on (`250-…`) is said, and the next line asked for, as long as the client stays. */
async function askFor(wire: LineSocket, next: () => Promise<string>): Promise<string> {
  for (;;) {
    const line = await next();
    if (!/^\d{3}-/.test(line) || wire.isGone()) return line;
    wire.say(line);
  }
}
