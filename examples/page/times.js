// Instants as people in Italy read them: legal time, with its distance from UTC, as messages
// write it.

/** `19 settembre 2026, 15:41:19 (+0200)`; `at` is seconds since 1970. */
export function legalTime(at, language) {
  const { day, time, zone } = parts(at, language);
  return `${day}, ${time} (${zone})`;
}

/** The day alone: for the validity of certificates. */
export const legalDay = (at, language) => parts(at, language).day;

/** An instant for programs. */
export const machineTime = (at) => new Date(at * 1000).toISOString();

function parts(at, language) {
  const instant = new Date(at * 1000);
  // Past what calendars reach: a number is better than an error.
  if (Number.isNaN(instant.getTime())) return { day: `@${at}`, time: "", zone: "" };
  const locale = language === "it" ? "it-IT" : "en-GB";
  const format = (options) => new Intl.DateTimeFormat(locale, { timeZone: "Europe/Rome", ...options });
  const day = format({ day: "numeric", month: "long", year: "numeric" }).format(instant);
  const time = format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const offset = format({ timeZoneName: "longOffset" }).formatToParts(instant);
  const name = offset.find((part) => part.type === "timeZoneName")?.value ?? "";
  // GMT+02:00
  const zone = name.replace(/^GMT/, "").replace(":", "").replace("−", "-") || "+0000";
  return { day, time: time.format(instant), zone };
}
