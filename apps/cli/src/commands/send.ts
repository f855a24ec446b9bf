import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import type { SendOptions } from "../messages/send-message.ts";
import { parseInstant } from "../parse-options.ts";

/** What composes messages is loaded when it runs, so that no other command waits for it. */
export const addSend: AddCommand = (program, run) => {
  const example =
    'send --mailbox support --to "Ada <ada@example.com>" --subject Hello --text "It works." --attach plan.pdf';
  addLeaf(program, "send", "enqueue one message; the fleet delivers it", example)
    .requiredOption("--mailbox <key>", "the mailbox it leaves from")
    .option("--tenant <key>", "whose mailbox; the actor's own tenant where it is left out")
    .option("--from <address>", "the mailbox's own address or one of its aliases, with a name if you like")
    .option("--to <address...>", "recipients; without any, an answer goes to the sender it answers")
    .option("--cc <address...>", "copies")
    .option("--bcc <address...>", "copies nobody else sees")
    .option("--subject <text>", 'without it an answer has "Re: " and the subject it answers')
    .option("--text <text>", "the text itself")
    .option("--text-file <file>", "or a file of it, in UTF-8")
    .option("--html-file <file>", "the same as HTML, in UTF-8")
    .option("--attach <file...>", "files to go with it")
    .option("--attach-stored <id:position...>", "files of stored messages, as `message show` lists them")
    .option(
      "--eml <file>",
      "a whole message in place of recipients, subject, text and files; its Bcc is sent to and taken out",
    )
    .option("--reply-to-message <id>", "the stored message this one answers")
    .option("--quote", "put what is answered behind the text")
    .option("--automatic", "a program answers by itself: it says so, and no program, list or bounce gets an answer")
    .option(
      "--at <time>",
      "not before this moment, such as 2030-01-31T09:00:00Z; it can be cancelled until then",
      parseInstant,
    )
    .option("--expires <time>", "past this moment no delivery is begun, and it ends as rejected", parseInstant)
    .option(
      "--idempotency-key <key>",
      "the same key and content is one message, however often; a new one where it is left out",
    )
    .action((options: Options & SendOptions) =>
      run.asActor(options, async (session, print) => {
        const { sendMessage } = await import("../messages/send-message.ts");
        const receipt = await sendMessage(session, options);
        const state = receipt.repeated ? `${receipt.state} (accepted before)` : receipt.state;
        print.one(receipt, {
          ...{ Submission: receipt.submissionId, State: state, "Message-ID": receipt.messageIdHeader },
          ...{ Thread: receipt.threadId, "Idempotency key": receipt.idempotencyKey },
        });
      }),
    );
};
