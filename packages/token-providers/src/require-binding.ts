import { type Binding, OperationalError } from "@mailfleet/domain";

export type ProvenSubject = { readonly user: string; readonly directory: string };

/**
 * Where the power is the operator's app, a credential is a wish and no proof: anybody may write down anybody's directory and
 * address. Whom a token is asked for comes from the binding, and the credential must name the same.
 *
 * @throws OperationalError `binding.unproven`
 */
export function requireBinding(
  binding: Binding | null,
  wanted: Pick<Binding, "provider"> & { user: string },
): ProvenSubject {
  if (binding === null) throw unproven("nobody has proven whose mailbox this is");
  const { directory, subject } = binding;
  if (binding.provider !== wanted.provider || directory === null)
    throw unproven("the mailbox was proven at another provider than its credential is for");
  requireOwn(binding, wanted.user);
  return { user: subject, directory };
}

/** Where the credential is the customer's own it needs no binding; but one that is there must be about the same mailbox. */
export function requireOwn(binding: Binding | null, user: string): void {
  if (binding === null || binding.subject === user.toLowerCase()) return;
  throw unproven("another address was proven than the one the credential signs in as");
}

function unproven(why: string): OperationalError {
  return new OperationalError("binding.unproven", `${why}; prove it with \`mailfleet mailbox prove\``, {
    publicMessage: "Nobody has proven yet whose mailbox this is. Its administrator or its user can.",
  });
}
