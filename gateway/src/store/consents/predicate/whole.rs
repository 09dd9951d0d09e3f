//! The whole decision of `consent::decide_on` on a row of the directory, as SQL. Who, why and when are expressions: values of a
//! statement, or parameters of a function.

use consent::{FENCE, Labels, NOBODYS, asking};

use super::{Span, contains, fence};

/// Several texts of the request.
pub(super) enum Texts {
    /// An expression for each.
    Each(Vec<String>),
    /// An expression for an array of them, without fences.
    Array(String),
}

impl Texts {
    /// That one of them, between fences, is in a list.
    fn any_in(&self, list: &str) -> String {
        match self {
            Self::Each(texts) if texts.is_empty() => "false".to_owned(),
            Self::Each(texts) => texts.iter().map(|text| contains(list, text)).collect::<Vec<_>>().join(" or "),
            // No query in it: PL/pgSQL evaluates it without a plan's start.
            Self::Array(texts) => format!("string_to_array({list}, '{FENCE}') && {texts}"),
        }
    }

    /// That one of them is the value.
    fn any_is(&self, value: &str) -> String {
        match self {
            Self::Each(texts) if texts.is_empty() => "false".to_owned(),
            Self::Each(texts) => format!("coalesce({value} in ({}), false)", texts.join(", ")),
            Self::Array(texts) => format!("coalesce({value} = any({texts}), false)"),
        }
    }
}

/// What law asks of a request (`consent::statute::Demands`), as expressions.
pub(super) struct Masks {
    pub(super) never: String,
    pub(super) consent: String,
    pub(super) named: String,
    /// The labels of `named` one by one, where they are known.
    pub(super) each: Vec<i64>,
}

/// What a request asks, as expressions.
pub(super) struct Terms<'t> {
    /// Of the row: a table's alias with a point behind it, or what the names of parameters begin with.
    pub(super) d: &'t str,
    /// What the names of the gateway's tables begin with.
    pub(super) schema: &'t str,
    pub(super) span: Span,
    pub(super) now: String,
    pub(super) purpose: String,
    /// Who asks, between fences.
    pub(super) actors: Texts,
    /// The same without fences.
    pub(super) authors: Texts,
    /// Patients who ask for their own.
    pub(super) own: Texts,
    /// The actions that a rule must name.
    pub(super) permits: String,
    pub(super) denies: String,
    /// What holds where no Consent says anything is a permit.
    pub(super) default_permits: String,
    /// What law asks of the request, as masks of labels.
    pub(super) demands: Masks,
    /// The glass is broken.
    pub(super) glass: String,
}

impl Terms<'_> {
    /// That the row may be seen.
    pub(super) fn permit(&self) -> String {
        format!("{} and ({} or {})", self.statute(), self.glass, self.consents())
    }

    /// Layers D: what nothing lifts.
    fn statute(&self) -> String {
        let Masks { never, consent, named, each } = &self.demands;
        let (labels, own) = (self.any_labels(), self.is_own());
        let named = if each.is_empty() {
            String::new()
        } else {
            // Which labels the rules that permit name.
            let bits: Vec<String> = each.iter().map(|bit| format!("coalesce(max(r.labels & {bit}), 0)")).collect();
            let all = format!("(select {} from {})", bits.join(" | "), self.permitting(""));
            format!(" and (({labels} & {named}) = 0 or {own} or ({labels} & {named} & ~{all}) = 0)")
        };
        format!(
            "({labels} & {never}) = 0 and (({labels} & {consent}) = 0 or {own} or {}){named} \
             and (({labels} & {}) = 0 or {} or {})",
            self.permitted(""),
            Labels::PSYCHOTHERAPY.bits(),
            self.is_author(),
            self.permitted("and r.psychotherapy = 1"),
        )
    }

    /// The labels of the row, as far as anybody knows: what nobody has looked at yet may have any.
    pub(super) fn any_labels(&self) -> String {
        format!("(case when {}labels = 0 then {} else {} end)", self.d, i64::MAX, self.labels())
    }

    pub(super) fn is_author(&self) -> String {
        self.authors.any_is(&format!("{}author", self.d))
    }

    /// The patients' Consents, and the organization's default where they say nothing.
    fn consents(&self) -> String {
        format!(
            "{own} or (not {denied} and ({default} or {permitted})) or (not {default} and {nobodys})",
            own = self.is_own(),
            denied = self.denied(),
            default = self.default_permits,
            permitted = self.permitted(""),
            nobodys = self.is_nobodys(),
        )
    }

    pub(super) fn is_nobodys(&self) -> String {
        let kinds: Vec<String> = NOBODYS.iter().map(|kind| format!("'{kind}'")).collect();
        format!("({0}patient is null and {0}type in ({1}))", self.d, kinds.join(", "))
    }

    pub(super) fn is_own(&self) -> String {
        self.own.any_is(&format!("{}patient", self.d))
    }

    /// That a Consent denies: by an exception, or by its base rule where no exception permits.
    fn denied(&self) -> String {
        let (schema, r, x) = (self.schema, self.matches("r", true), self.matches("x", false));
        format!(
            "exists (select 1 from {schema}consent_rules r where {} and r.deny = 1 and {r} and (r.nested = 1 or not exists \
             (select 1 from {schema}consent_rules x where {} and x.rid = r.rid and x.nested = 1 and x.deny = 0 and {x})))",
            self.of_patient("r"),
            self.of_patient("x")
        )
    }

    /// That a Consent permits: an exception or the base rule, where no exception of the same Consent denies.
    fn permitted(&self, also: &str) -> String {
        format!("exists (select 1 from {})", self.permitting(also))
    }

    /// The rules that permit (`r`), with their condition.
    fn permitting(&self, also: &str) -> String {
        let (schema, r, x) = (self.schema, self.matches("r", false), self.matches("x", true));
        format!(
            "{schema}consent_rules r where {} and r.deny = 0 {also} and {r} and not exists \
             (select 1 from {schema}consent_rules x where {} and x.rid = r.rid and x.deny = 1 and x.nested >= r.nested and {x})",
            self.of_patient("r"),
            self.of_patient("x")
        )
    }

    pub(super) fn labels(&self) -> String {
        match self.span {
            Span::Current => format!("{}labels", self.d),
            Span::Ever => format!("({0}labels | {0}labels_ever)", self.d),
        }
    }

    pub(super) fn of_patient(&self, rule: &str) -> String {
        let d = self.d;
        format!("{rule}.organization_id = {d}organization_id and {rule}.patient = {d}patient")
    }

    /// That the criteria of a rule that are not about a resource match the request.
    pub(super) fn holds(&self, r: &str, deny: bool) -> String {
        let (now, purpose) = (&self.now, contains(&format!("{r}.purposes"), &self.purpose));
        let mask = if deny { &self.denies } else { &self.permits };
        let actors = self.actors.any_in(&format!("{r}.actors"));
        format!(
            "{r}.valid_from <= {now} and {now} < {r}.valid_until \
             and ({r}.actors is null or {actors}) \
             and ({r}.purposes is null or {purpose}) \
             and ({r}.actions is null or ({r}.actions & {mask}) <> 0)"
        )
    }

    /// That all criteria of a rule match the request and the row.
    fn matches(&self, r: &str, deny: bool) -> String {
        let [plain, codes, data] = self.parts(r, deny);
        format!("{plain} and ({r}.codes is null or {codes}) and ({r}.data is null or {data})")
    }

    /// [`Self::matches`] in three parts: what needs no other table, what a rule with codes asks beside, and one with data.
    pub(super) fn parts(&self, r: &str, deny: bool) -> [String; 3] {
        let (d, schema) = (self.d, self.schema);
        let own = self.labels();
        let doubtful = format!("{d}labels = 0 or ({own} & {}) <> 0", Labels::DOUBTFUL.bits());
        // Of several levels, a permit must reach the highest.
        let levels = Labels::LEVELS;
        let reached = if self.span == Span::Ever && !deny {
            format!(" and (({r}.labels & {levels}) = 0 or ({own} & {levels} & ~{r}.labels) = 0)")
        } else {
            String::new()
        };
        // What cannot be told of a resource is matched by a deny, and by no permit.
        let (or_doubtful, narrow) = if deny {
            (format!(" or {doubtful}"), String::new())
        } else {
            let wide = format!("({r}.labels is null and {r}.codes is null and {r}.classes is null)");
            // What a proxy's permit never reaches. What nobody has labelled may be that, too.
            let within = format!("({r}.not_labels is null or ({d}labels <> 0 and ({own} & {r}.not_labels) = 0))");
            (String::new(), format!(" and {within} and ({wide} or not ({doubtful}))"))
        };
        // Codes, references, author and time are those of the current version, and what is deleted has none: of other versions they
        // are in doubt.
        let (or_past, and_not_past) = match (self.span, deny) {
            (Span::Ever, true) => (format!(" or {d}deleted = 1 or {d}version > 1"), String::new()),
            (Span::Current, true) => (format!(" or {d}deleted = 1"), String::new()),
            (Span::Ever, false) => (String::new(), format!(" and {d}deleted = 0 and {d}version = 1")),
            (Span::Current, false) => (String::new(), format!(" and {d}deleted = 0")),
        };
        let within = if deny {
            format!("{d}span_low is null or ({d}span_low < {r}.data_until and {r}.data_from < {d}span_high){or_past}")
        } else {
            format!("({r}.data_from <= {d}span_low and {d}span_high <= {r}.data_until{and_not_past})")
        };
        // Places of an organization's own parameters are no codes to a permit.
        let built_in = if deny { "" } else { " and t.path >= 0" };
        let class = contains(&format!("{r}.classes"), &fence(&format!("{d}type")));
        let pair = format!("t.system || '{}' || t.code", asking::BETWEEN);
        let code = contains(&format!("{r}.codes"), &fence(&pair));
        let plain = format!(
            "{} \
             and ({r}.classes is null or {class}) \
             and ({r}.labels is null or (({r}.labels & {own}) <> 0{reached}){or_doubtful}) \
             and ({r}.data_from is null or {within}){narrow}",
            self.holds(r, deny),
        );
        let codes = format!(
            "(exists (select 1 from {schema}index_token t where t.rid = {d}rid and t.system <> ''{built_in} and {code})\
             {and_not_past}{or_doubtful}{or_past})"
        );
        let data = format!("(({}{and_not_past}){or_past})", self.data(r, deny));
        [plain, codes, data]
    }

    /// C12.
    fn data(&self, r: &str, deny: bool) -> String {
        let (d, schema) = (self.d, self.schema);
        let named = |sign: char, value: &str| contains(&format!("{r}.data"), &fence(&format!("'{sign} ' || {value}")));
        let itself = format!("{d}type || '/' || {d}id");
        let target = "t.target_type || '/' || t.target_id";
        format!(
            "({} or {} or {} or ({d}author is not null and {}) \
             or exists (select 1 from {schema}index_reference t where t.rid = {d}rid and ({} or {}{})) \
             or exists (select 1 from {schema}consent_rule_related c \
                 join {schema}directory n on n.organization_id = c.organization_id and n.type = c.type and n.id = c.id \
                 join {schema}index_reference t on t.rid = n.rid \
                 where c.organization_id = {r}.organization_id and c.rid = {r}.rid and c.position = {r}.position \
                 and t.target_type = {d}type and t.target_id = {d}id))",
            named('i', &itself),
            named('d', &itself),
            named('r', &itself),
            named('a', &format!("{d}author")),
            named('d', target),
            named('r', target),
            // Which of several persons is the author is in doubt: a deny counts whoever the resource names.
            if deny { format!(" or {}", named('a', target)) } else { String::new() },
        )
    }
}
