/// <reference path="./hoodiecrow-imap.d.ts" />
import { Buffer } from "node:buffer";
import { once } from "node:events";
import hoodiecrow, { type Connection, type ImapServer } from "hoodiecrow-imap";
import type { TestCertificate } from "./tls.ts";

export type EmbeddedImap = {
  readonly port: number;
  /** A message is kept as one character per byte, so that whatever comes in goes out again unchanged. */
  append(address: string, raw: Uint8Array, internalDate: Date): void;
  expunge(address: string, uid: number): void;
  resetUidValidity(address: string): void;
  close(): Promise<void>;
};

/**
 * IMAP over implicit TLS from hoodiecrow, for a machine that has nothing but Node. Hoodiecrow knows one mailbox tree a
 * server, so each user has a server of their own; one more listens, and hands a connection over when its login succeeds.
 */
export async function startEmbeddedImap(
  users: readonly { address: string; password: string }[],
  certificate: TestCertificate,
  accepts: (address: string, password: string) => boolean,
): Promise<EmbeddedImap> {
  const plugins = ["ID", "NAMESPACE", "UNSELECT", "UIDPLUS", "SPECIAL-USE"];
  const mailboxes = new Map<string, ImapServer>();
  for (const { address } of users) mailboxes.set(address, hoodiecrow({ plugins, storage: folders() }));

  const door = hoodiecrow({
    plugins,
    secureConnection: true,
    credentials: { key: certificate.keyPem, cert: certificate.certPem },
    users: Object.fromEntries(users.map(({ address, password }) => [address, { password }])),
  });
  // Hoodiecrow knows one password a user; whatever else is accepted is shown to it as that one.
  const logIn = door.getCommandHandler("LOGIN");
  door.setCommandHandler("LOGIN", (connection, command, data, done) => {
    const [name, secret] = command.attributes ?? [];
    const user = users.find(({ address }) => address === name?.value);
    if (user !== undefined && secret?.value !== undefined)
      secret.value = accepts(user.address, secret.value) ? user.password : `not ${user.password}`;
    logIn(connection, command, data, done);
  });
  const connections = new Set<Connection>();
  door.connectionHandlers.push((connection) => {
    connections.add(connection);
    connection.socket?.setNoDelay(true); // it writes line by line, and each would wait for the acknowledgement of the last
    connection.socket?.once("close", () => connections.delete(connection));
  });
  door.outputHandlers.push((connection, _answer, description, command) => {
    if (description !== "LOGIN SUCCESS") return;
    const own = mailboxes.get(command?.attributes?.[0]?.value ?? "");
    if (own !== undefined) handOver(connection, own);
  });
  for (const server of [door, ...mailboxes.values()]) server.setMaxListeners(0); // one for each connection
  door.listen(0, "127.0.0.1", () => {});
  await once(door.server, "listening");
  const listening = door.server.address();
  if (listening === null || typeof listening === "string") throw new Error("the system gave no port");

  const inbox = (address: string) => {
    const found = mailboxes.get(address)?.getMailbox("INBOX");
    if (found === undefined) throw new Error("the embedded mail server has no such user");
    return found;
  };
  const disconnect = (server: ImapServer) => {
    for (const connection of connections) if (connection.server === server) connection.socket?.destroy();
  };
  return {
    port: listening.port,
    append(address, raw, internalDate) {
      inbox(address);
      mailboxes.get(address)?.appendMessage("INBOX", [], internalDate, Buffer.from(raw).toString("latin1"));
    },
    expunge(address, uid) {
      const box = inbox(address);
      box.messages = box.messages.filter((message) => message.uid !== uid);
    },
    resetUidValidity(address) {
      const box = inbox(address);
      box.uidvalidity++;
      for (const [index, message] of box.messages.entries()) message.uid = index + 1;
      box.uidnext = box.messages.length + 1;
      const own = mailboxes.get(address);
      if (own !== undefined) disconnect(own); // no session may go on with the old UIDs
    },
    async close() {
      const closed = once(door.server, "close");
      door.close();
      for (const connection of connections) connection.socket?.destroy();
      await closed;
    },
  };
}

function folders(): object {
  return { INBOX: {}, "": { separator: "/", folders: { Sent: { "special-use": "\\Sent" } } } };
}

function handOver(connection: Connection, own: ImapServer): void {
  connection.server.removeListener("notify", connection._notificationCallback);
  connection.server = own;
  own.on("notify", connection._notificationCallback);
}
