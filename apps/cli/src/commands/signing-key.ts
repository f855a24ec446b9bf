import { OperationalError } from "@mailfleet/domain";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { missing } from "../find-resources.ts";
import { createNextSigningKey } from "../sign-token.ts";

export const addSigningKey: AddCommand = (program, run) => {
  const key = program.command("signing-key").description("the keys that sign actors' tokens");
  addLeaf(key, "list", "every key and whether its tokens are still taken", "signing-key list").action(
    (options: Options) =>
      run.asActor(options, async (session, print) => {
        const rows = await session.database.signingKeys.list(await session.authorize("fleet.sign", {}));
        print.rows(rows, {
          kid: ({ kid }) => kid,
          created: ({ createdAt }) => createdAt,
          retired: ({ retiredAt }) => retiredAt,
        });
      }),
  );
  addLeaf(key, "rotate", "sign with a new key from now on; older tokens stay good", "signing-key rotate").action(
    (options: Options) =>
      run.asActor(options, async (session, print) => {
        const kid = await createNextSigningKey(session);
        print.one({ kid }, { Key: kid, State: "signs from now on" });
        print.note("retire the key before it once its tokens have been replaced: mailfleet signing-key retire KID");
      }),
  );
  addLeaf(key, "retire <kid>", "refuse every token that a key signed", "signing-key retire KID").action(
    (kid: string, options: Options) =>
      run.asActor(options, async (session, print) => {
        const grant = await session.authorize("fleet.sign", { subjectId: kid });
        const { signingKeys } = session.database;
        if ((await signingKeys.current(grant))?.kid === kid) {
          throw new OperationalError("resource.conflicting", "this is the key that signs; rotate first");
        }
        if (!(await signingKeys.retire(grant, kid))) throw missing("signing key");
        print.one({ kid, retired: true }, { Key: kid, State: "retired" });
      }),
  );
};
