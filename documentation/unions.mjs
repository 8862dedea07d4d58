// Lists the documented members of a union type: the Markdown theme shows them only where they are
// objects.

import { Converter, ReflectionKind, UnionType } from 'typedoc';

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const alias of project.getReflectionsByKind(ReflectionKind.TypeAlias)) {
      const { comment, type } = /** @type {import('typedoc').DeclarationReflection} */ (alias);
      if (comment !== undefined && type instanceof UnionType && type.elementSummaries) {
        comment.summary.push(...list(type.types, type.elementSummaries));
      }
    }
  });
}

/**
 * @param {import('typedoc').SomeType[]} members
 * @param {import('typedoc').CommentDisplayPart[][]} summaries
 * @returns {import('typedoc').CommentDisplayPart[]}
 */
function list(members, summaries) {
  return members.flatMap((member, index) => [
    { kind: 'text', text: index === 0 ? '\n\n- ' : '\n- ' },
    { kind: 'code', text: `\`${member}\`` },
    { kind: 'text', text: ': ' },
    ...(summaries[index] ?? []),
  ]);
}
