import {
  type ClassifiableContent,
  type ContentClassifier,
  type ContentVerdict,
  OperationalError,
} from "@mailfleet/domain";

/**
 * Shows a message to every classifier. One that does not answer is a verdict too (`answered: false`): what is done about it
 * is policy. Anything but its silence is a bug and goes through.
 */
export async function askClassifiers(
  classifiers: readonly ContentClassifier[],
  content: ClassifiableContent,
  { signal }: { signal: AbortSignal },
): Promise<readonly ContentVerdict[]> {
  return Promise.all(
    classifiers.map(async (classifier) => {
      try {
        return await classifier.classify(content, { signal });
      } catch (error) {
        if (!(error instanceof OperationalError) || error.code !== "classifier.unavailable") throw error;
        return { classifier: classifier.name, version: "", labels: [], answered: false };
      }
    }),
  );
}
