import { ConfigurationError, describeEnvironment } from "@mailfleet/runtime";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { Environment, readConfig, type Variables } from "../config.ts";

export const addConfig: AddCommand = (program, run) => {
  const config = program.command("config").description("the environment this command line reads");
  addLeaf(
    config,
    "check",
    "check every variable and say where each comes from, never what it is",
    "config check",
  ).action((options: Options) =>
    run.withoutActor(options, async (print) => {
      const { variables } = run;
      const faults = findFaults(variables);
      if (faults.length > 0) throw new ConfigurationError(faults);
      print.rows(describeSources(variables), {
        name: ({ name }) => name,
        source: ({ source }) => source,
        "read as": ({ type }) => type,
      });
    }),
  );
};

/** Each in turn, because each throws all of its own and none of the others'. */
function findFaults(variables: Variables): readonly string[] {
  const faultsOf = (read: () => unknown): readonly string[] => {
    try {
      read();
      return [];
    } catch (error) {
      if (error instanceof ConfigurationError) return error.faults;
      throw error;
    }
  };
  let config: ReturnType<typeof readConfig> | undefined;
  const own = faultsOf(() => {
    config = readConfig(variables);
  });
  return [...own, ...faultsOf(() => config?.key()), ...faultsOf(() => config?.tls())];
}

function describeSources(variables: Variables) {
  return describeEnvironment(Environment).map(({ name, type, default: preset, secret }) => {
    const inFile = secret && variables[`${name}_FILE`];
    const source = inFile ? `${name}_FILE` : variables[name] ? "environment" : preset === null ? "not set" : "default";
    return { name, source, secret, type };
  });
}
