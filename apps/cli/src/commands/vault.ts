import { type AddCommand, addLeaf, type Options } from "../command-line.ts";

export const addVault: AddCommand = (program, run) => {
  const vault = program.command("vault").description("the keys that everything is sealed under");
  const summary = "wrap every data key anew, with another key file or KMS key";
  addLeaf(vault, "rewrap", summary, "vault rewrap --to /etc/mailfleet/new.key")
    .requiredOption("--to <key>", "a key file, or the ARN of a KMS key")
    .action((options: Options & { readonly to: string }) =>
      run.asActor(options, async (session, print) => {
        const { rewrapKeys } = await import("../lifecycle/rewrap-keys.ts");
        const ended = await rewrapKeys(session, options.to, ({ done, left }) =>
          print.note(`${done} rewrapped, ${left} left`),
        );
        print.one(ended, { "Wrapped by": ended.keyId, Rewrapped: ended.done, Left: ended.left });
        print.note("next: once every process runs with this key alone, the key before it is only needed for backups");
      }),
    );
};
