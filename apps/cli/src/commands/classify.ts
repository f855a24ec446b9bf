import { type Replay, replayClassification } from "../classify/replay-classification.ts";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";

export const addClassify: AddCommand = (program, run) => {
  const classify = program.command("classify").description("what classifiers say of messages");
  addLeaf(
    classify,
    "replay",
    "ask today's classifiers about stored messages, as a service of their tenant",
    "classify replay",
  )
    .option("--tenant <key>", "whose; the actor's own tenant where it is left out")
    .option("--mailbox <key>", "only of this mailbox")
    .action((options: Options & Replay) =>
      run.asActor(options, async (session, print) => {
        const replayed = await replayClassification(session, options);
        print.table(replayed.changed, {
          id: ({ id }) => id,
          before: ({ before }) => before.join(", ") || null,
          now: ({ after }) => after.join(", ") || null,
        });
        print.note(`${replayed.classifiedCount} messages classified, ${replayed.changed.length} differ`);
        print.result(replayed);
      }),
    );
};
