import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { UsageError } from "../faults.ts";
import { listMessages } from "../messages/list-messages.ts";
import { type ShownMessage, showMessage } from "../messages/show-message.ts";
import { writeAttachment, writeRaw } from "../messages/write-content.ts";
import { parseCount, parseSequence } from "../parse-options.ts";

type TenantOptions = Options & { readonly tenant?: string };
export type ListOptions = TenantOptions & { readonly mailbox?: string; readonly limit: number; readonly all?: boolean };
type ShowOptions = TenantOptions & { readonly raw?: boolean };
type AttachmentOptions = TenantOptions & { readonly out?: string };

/** What a message says came from outside: it is shown with nothing in it that a terminal would obey. */
export const addMessage: AddCommand = (program, run) => {
  const message = program.command("message").description("stored messages, as an actor of their tenant");
  addList(message, run);
  addShow(message, run);
  const attachment = "attachment <id> <position>";
  const example = "message attachment 01980000-0000-7000-8000-000000000001 0 --out invoice.pdf";
  addLeaf(message, attachment, "one attachment, as bytes", example)
    .option("--tenant <key>", "the message's tenant; the actor's own where it is left out")
    .option("--out <file>", "write to a new file instead of stdout")
    .action((id: string, position: string, options: AttachmentOptions) =>
      run.asActor(options, async (session, print) => {
        if (options.json && options.out === undefined) throw bytesAndJson("--out FILE");
        const { out: file, tenant } = options;
        const written = await writeAttachment(session, print, { id, tenant, position: parseSequence(position), file });
        if (file !== undefined)
          print.one({ file, ...written }, { File: file, Bytes: written.sizeBytes, "SHA-256": written.sha256 });
      }),
    );
};

function addList(message: Command, run: CommandLine): void {
  addLeaf(message, "list", "messages, newest first", "message list --mailbox support --limit 20")
    .option("--tenant <key>", "whose; the actor's own tenant where it is left out")
    .option("--mailbox <key>", "only of this mailbox")
    .option("--limit <n>", "at most so many", parseCount, 50)
    .option("--all", "all there are")
    .action((options: ListOptions) =>
      run.asActor(options, async (session, print) => {
        print.rows(await listMessages(session, options), {
          id: ({ id }) => id,
          mailbox: ({ mailbox, mailboxId }) => mailbox ?? mailboxId,
          received: ({ receivedAt }) => receivedAt,
          from: ({ from }) => from.map(({ address }) => address).join(", "),
          subject: ({ subject, unparsedReason }) => subject ?? (unparsedReason && `(unparsed: ${unparsedReason})`),
          bytes: ({ sizeBytes }) => sizeBytes,
        });
      }),
    );
}

function addShow(message: Command, run: CommandLine): void {
  addLeaf(message, "show <id>", "one message", "message show 01980000-0000-7000-8000-000000000001")
    .option("--tenant <key>", "the message's tenant; the actor's own where it is left out")
    .option("--raw", "the message as it came, as bytes")
    .action((id: string, options: ShowOptions) =>
      run.asActor(options, async (session, print) => {
        const { tenant } = options;
        if (options.json && options.raw) throw bytesAndJson("either --raw or --json");
        if (options.raw) return writeRaw(session, print, { id, tenant });
        const shown = await showMessage(session, { id, tenant });
        print.one(shown, describeMessage(shown));
        print.table(shown.attachments, {
          position: ({ position }) => position,
          name: ({ filename }) => filename,
          type: ({ contentType }) => contentType,
          bytes: ({ sizeBytes }) => sizeBytes,
        });
        if (shown.text !== null) print.text(`\n${shown.text}`);
        else if (shown.html !== null) print.text("\n(this message has HTML and no text; --json shows it)");
      }),
    );
}

function describeMessage({
  id,
  from,
  to,
  cc,
  subject,
  receivedAt,
  threadId,
  messageIdHeader,
  unparsedReason,
}: ShownMessage) {
  const say = (people: ShownMessage["from"]) =>
    people.map(({ name, address }) => (name === null ? address : `${name} <${address}>`)).join(", ") || null;
  const people = { From: say(from), To: say(to), Cc: say(cc) };
  const place = { Received: receivedAt, Thread: threadId, "Message-ID": messageIdHeader, Id: id };
  return { ...people, Subject: subject, ...place, ...(unparsedReason === null ? {} : { Unparsed: unparsedReason }) };
}

function bytesAndJson(hint: string): UsageError {
  return new UsageError("bytes are not JSON, and both would go to stdout", `Use ${hint}.`);
}
