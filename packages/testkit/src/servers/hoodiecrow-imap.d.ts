/** The part of hoodiecrow-imap 2.1 that the embedded mail server uses; the package ships no types. */
declare module "hoodiecrow-imap" {
  import type { EventEmitter } from "node:events";
  import type { Server, Socket } from "node:net";

  export type Message = { uid: number; raw: string };
  export type Mailbox = { uidvalidity: number; uidnext: number; messages: Message[] };

  export type Connection = {
    server: ImapServer;
    socket: Socket | null;
    _notificationCallback: (notification: unknown) => void;
  };

  export type Answer = { readonly tag: string };
  export type Command = { readonly attributes?: readonly { value?: string }[] };
  export type CommandHandler = (connection: Connection, command: Command, data: string, done: () => void) => void;

  export interface ImapServer extends EventEmitter {
    server: Server;
    connectionHandlers: ((connection: Connection) => void)[];
    outputHandlers: ((connection: Connection, answer: Answer, description?: string, command?: Command) => void)[];
    getCommandHandler(command: string): CommandHandler;
    setCommandHandler(command: string, handler: CommandHandler): void;
    getMailbox(path: string): Mailbox | undefined;
    /** `raw` is a binary string: one character, one byte. */
    appendMessage(mailbox: string, flags: readonly string[], internalDate: Date, raw: string): { message: Message };
    listen(port: number, host: string, listening: () => void): void;
    close(closed?: () => void): void;
  }

  export default function hoodiecrow(options: {
    secureConnection?: boolean;
    credentials?: { key: string; cert: string };
    plugins?: readonly string[];
    users?: Readonly<Record<string, { password: string }>>;
    storage?: object;
  }): ImapServer;
}
