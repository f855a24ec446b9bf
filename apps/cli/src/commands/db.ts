import { migrateDatabase } from "@mailfleet/database";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";

export const addDb: AddCommand = (program, run) => {
  const db = program.command("db").description("the schema of the database");
  addLeaf(
    db,
    "migrate",
    "bring the schema up to this release; safe to run twice, and by many at once",
    "db migrate",
  ).action((options: Options) =>
    run.withoutActor(options, async (print, readConfig) => {
      const { appliedCount } = await migrateDatabase(readConfig().database.url);
      print.one({ appliedCount }, { "Migrations applied": appliedCount });
    }),
  );
};
