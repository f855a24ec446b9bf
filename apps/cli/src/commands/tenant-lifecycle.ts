import { writeFile } from "node:fs/promises";
import { OperationalError } from "@mailfleet/domain";
import { verifyReport } from "@mailfleet/gate";
import { type AddCommand, addLeaf, type CommandLine, type Options } from "../command-line.ts";
import { UsageError } from "../faults.ts";
import { findTenant } from "../find-resources.ts";

type OffboardOptions = Options & {
  readonly confirm?: string;
  readonly purgeContent?: boolean;
  readonly reportOut?: string;
};

/** From `mailfleet tenant`: what stops a tenant, lets it go on, and ends it. Each of them twice is once. */
export const addTenantLifecycle: AddCommand = (tenant, run) => {
  addStateChange(tenant, run, {
    name: "suspend",
    summary: "stop a tenant's polling, sending and reading at once",
    to: "suspended",
  });
  addStateChange(tenant, run, { name: "resume", summary: "let a suspended tenant go on", to: "active" });
  addOffboard(tenant, run);
};

type StateChange = { readonly name: string; readonly summary: string; readonly to: "active" | "suspended" };

function addStateChange(parent: Parameters<AddCommand>[0], run: CommandLine, { name, summary, to }: StateChange): void {
  addLeaf(parent, `${name} <key>`, summary, `tenant ${name} acme`).action((key: string, options: Options) =>
    run.asActor(options, async (session, print) => {
      const tenantId = await findTenant(session, key, "tenant.manage");
      const grant = await session.authorize("fleet.provision", { subjectId: tenantId });
      const { provisioning } = session.database.fleet;
      const before = (await provisioning.tenants(grant)).find(({ id }) => id === tenantId);
      if (before?.state === "offboarded")
        throw new OperationalError("resource.conflicting", "this tenant was offboarded");
      await provisioning.setTenantState(grant, tenantId, to);
      print.one({ key, id: tenantId, state: to }, { Key: key, State: to });
    }),
  );
}

function addOffboard(parent: Parameters<AddCommand>[0], run: CommandLine): void {
  const summary = "end a tenant for good: credentials destroyed, what waits cancelled, actors revoked";
  addLeaf(parent, "offboard <key>", summary, "tenant offboard acme --confirm acme --report-out acme.jws")
    .option("--confirm <key>", "the tenant's key again: there is no way back")
    .option("--purge-content", "destroy its messages, submissions and blobs too")
    .option("--report-out <file>", "where the signed report goes; stdout without it")
    .action((key: string, options: OffboardOptions) =>
      run.asActor(options, async (session, print) => {
        if (options.confirm !== key)
          throw new UsageError("an offboarding cannot be undone", `Add --confirm ${key} if you mean it.`);
        const tenantId = await findTenant(session, key, "tenant.manage");
        const contents = options.purgeContent === true ? "purged" : "kept";
        const { offboardTenant } = await import("../lifecycle/offboard-tenant.ts");
        const report = await offboardTenant(session, { tenantId, key, contents });
        if (options.reportOut !== undefined) await writeFile(options.reportOut, `${report}\n`, { mode: 0o600 });
        const said = await verifyReport(report, await session.database.signingKeys.everyPublicKey());
        print.result({ key, id: tenantId, state: "offboarded", contents, jws: report, report: said });
        print.text(options.reportOut === undefined ? report : `The signed report is in ${options.reportOut}.`);
        print.note("backups from before may still hold what was destroyed here; the report says which key opens them");
      }),
    );
}
