// The types of what the command line uses of answers.js; the native core's own exist only once it is built.

import type { AuditReport as NativeReport } from './cli/native';
import type { AuditReport } from './testing';

export function toAuditReport(report: NativeReport): AuditReport;
