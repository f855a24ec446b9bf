import { describeKeyManagement } from "./describe-key-management.ts";
import { memoryKeyManagement } from "./memory-key-management.ts";

describeKeyManagement("memoryKeyManagement", async () => {
  const ours = memoryKeyManagement();
  const another = memoryKeyManagement();
  return { open: async () => ours, openAnother: async () => another };
});
