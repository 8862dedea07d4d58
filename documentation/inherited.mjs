// Leaves out what a class has from the one that it extends: that is documented there.

import { Converter, ReflectionKind } from 'typedoc';

/** @param {import('typedoc').Application} application */
export function load(application) {
  application.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const member of project.getReflectionsByKind(ReflectionKind.ClassMember)) {
      const { inheritedFrom } = /** @type {import('typedoc').DeclarationReflection} */ (member);
      if (inheritedFrom !== undefined) {
        project.removeReflection(member);
      }
    }
  });
}
