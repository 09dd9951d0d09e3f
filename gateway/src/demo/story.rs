//! Five years of a person: when they came, why, what stayed with them, and what was measured.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::catalogue::{Drug, Effect, ILLNESSES, Illness, PROBLEMS, Problem};
use super::person::{Person, TODAY};
use super::random::Random;

/// Why somebody came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reason {
    Annual,
    FollowUp,
    Illness(&'static Illness),
    /// For a vaccine only; the nurse writes no note.
    Vaccine,
}

/// A day at the clinic.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// The encounter's id.
    pub(super) id: String,
    pub(super) number: usize,
    pub(super) day: Date,
    pub(super) reason: Reason,
    /// Minutes after midnight, UTC.
    start: i64,
    pub(super) minutes: i64,
}

impl Visit {
    /// A time so many minutes after the beginning.
    pub(super) fn at(&self, minute: i64) -> String {
        let minutes = self.start + minute;
        format!("{}T{:02}:{:02}:00Z", self.day, minutes / 60, minutes % 60)
    }

    /// Its end.
    pub(super) fn end(&self) -> String {
        self.at(self.minutes)
    }
}

/// A problem of this person.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) problem: &'static Problem,
    pub(super) onset: Date,
    /// The visit at which treatment here begins.
    pub(super) from: usize,
    /// The visit at which it is over.
    pub(super) until: Option<usize>,
    /// The visit at which the stronger drug takes over.
    pub(super) stronger_from: Option<usize>,
    /// What is measured before treatment and with it, on the effect's own scale.
    before: f64,
    with: f64,
}

impl Course {
    /// Whether it is known and not over at a visit.
    pub(super) fn is_active(&self, visit: usize) -> bool {
        self.from <= visit && self.until.is_none_or(|until| visit < until)
    }

    /// The drug at a visit.
    pub(super) fn drug(&self, visit: usize) -> &'static Drug {
        match (self.problem.stronger, self.stronger_from) {
            (Some(stronger), Some(from)) if visit >= from => stronger,
            _ => self.problem.drug,
        }
    }
}

/// All of it.
pub(super) struct Story {
    pub(super) person: Person,
    pub(super) visits: Vec<Visit>,
    pub(super) courses: Vec<Course>,
}

impl Story {
    /// The story of the person number `index` of a seed, and the rest of the person's stream of numbers.
    pub(super) fn new(seed: u64, index: usize) -> (Self, Random) {
        let mut random = Random::new(seed, index);
        let person = Person::new(index, &mut random);
        let problems = problems(&person, &mut random);
        let visits = visits(&person, problems.len(), &mut random);
        let courses: Vec<Course> =
            problems.into_iter().filter_map(|(problem, onset)| course(problem, onset, &visits, &mut random)).collect();
        (Self { person, visits, courses }, random)
    }

    /// What an effect makes of a measurement at a visit; `None` for those it does not touch.
    pub(super) fn level(&self, effect: Effect, visit: &Visit) -> Option<f64> {
        let course = self.courses.iter().find(|course| course.problem.effect == effect)?;
        if visit.day < course.onset {
            return None;
        }
        // The visit that starts treatment measures what it is like without.
        let start = self.visits[course.from].day;
        let days = f64::from((visit.day - start).get_days().max(0));
        Some(course.with + (course.before - course.with) * (-days / 120.0).exp())
    }

    /// Whether this problem is known and not over at a visit.
    pub(super) fn has(&self, effect: Effect, visit: usize) -> bool {
        self.courses.iter().any(|course| course.problem.effect == effect && course.is_active(visit))
    }
}

fn problems(person: &Person, random: &mut Random) -> Vec<(&'static Problem, Date)> {
    let mut found = Vec::new();
    for problem in PROBLEMS {
        let years = random.within(0.6, 11.0);
        let onset = TODAY.saturating_sub(((years * 365.0) as i64).days());
        if random.chance(problem.percent) && person.age(onset) >= problem.from_age && person.may_take(problem.drug) {
            found.push((problem, onset));
        }
    }
    found
}

fn course(problem: &'static Problem, onset: Date, visits: &[Visit], random: &mut Random) -> Option<Course> {
    let planned = |visit: &&Visit| matches!(visit.reason, Reason::Annual | Reason::FollowUp);
    let from = visits.iter().filter(planned).find(|visit| visit.day >= onset)?;
    let later = |days: i64| {
        let day = from.day.saturating_add(days.days());
        visits.iter().filter(planned).find(|visit| visit.day >= day).map(|visit| visit.number)
    };
    let (before, with) = match problem.effect {
        Effect::Pressure => (random.within(146.0, 164.0), random.within(121.0, 131.0)),
        Effect::Sugar => (random.within(7.6, 9.4), random.within(6.3, 6.9)),
        Effect::Lipids => (random.within(228.0, 268.0), random.within(158.0, 184.0)),
        Effect::Uric => (random.within(8.2, 9.6), random.within(5.2, 5.9)),
        Effect::Blood => (random.within(9.6, 11.0), random.within(12.8, 13.8)),
        Effect::Mood => (random.within(4.2, 5.8), random.within(0.8, 1.8)),
        Effect::None => (0.0, 0.0),
    };
    let stronger_from = (problem.stronger.is_some() && random.chance(50)).then(|| later(90)).flatten();
    let until = problem.resolves.then(|| later(300)).flatten();
    Some(Course { problem, onset, from: from.number, until, stronger_from, before, with })
}

fn visits(person: &Person, problems: usize, random: &mut Random) -> Vec<Visit> {
    let mut plan: Vec<(Date, Reason)> = Vec::new();
    let mut day = working_day(TODAY.saturating_sub(5.years()).saturating_add(random.between(3, 60).days()));
    let mut annual: Option<Date> = None;
    while day < TODAY {
        let due = annual.is_none_or(|last| (day - last).get_days() > 320);
        plan.push((day, if due { Reason::Annual } else { Reason::FollowUp }));
        annual = if due { Some(day) } else { annual };
        let pause = if problems > 0 { random.between(130, 200) } else { random.between(340, 390) };
        if random.chance(22) {
            let ill = working_day(day.saturating_add(random.between(20, 110).days()));
            plan.push((ill, Reason::Illness(random.pick(ILLNESSES))));
        }
        day = working_day(day.saturating_add(pause.days()));
    }
    for year in TODAY.year() - 5..=TODAY.year() {
        // Whoever is there in autumn gets the vaccine then.
        let season = |day: Date| day.year() == year && (9..=12).contains(&day.month());
        let autumn = jiff::civil::date(year, 10, 1).saturating_add(random.between(0, 25).days());
        if random.chance(55) && !plan.iter().any(|(day, _)| season(*day)) && person.age(autumn) > 18 {
            plan.push((working_day(autumn), Reason::Vaccine));
        }
    }
    let first = plan[0].0;
    plan.retain(|(day, _)| (first..TODAY).contains(day));
    plan.sort_by_key(|(day, _)| *day);
    plan.dedup_by_key(|(day, _)| *day);
    let visit = |(number, (day, reason)): (usize, (Date, Reason))| Visit {
        id: format!("{}-v{}", person.id, number + 1),
        number,
        day,
        reason,
        start: 14 * 60 + 20 * random.between(0, 20),
        minutes: match reason {
            Reason::Annual => 40,
            Reason::FollowUp | Reason::Illness(_) => 20,
            Reason::Vaccine => 10,
        },
    };
    plan.into_iter().enumerate().map(visit).collect()
}

/// The day, or the Monday after a weekend.
pub(super) fn working_day(day: Date) -> Date {
    match day.weekday() {
        Weekday::Saturday => day.saturating_add(2.days()),
        Weekday::Sunday => day.saturating_add(1.days()),
        _ => day,
    }
}
