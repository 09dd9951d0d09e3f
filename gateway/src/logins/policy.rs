//! What is asked of passwords and of sessions.

use std::time::Duration;

use unicode_normalization::UnicodeNormalization as _;

/// The longest password, in characters.
pub(super) const LONGEST: usize = 128;

/// What an operator has settled.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The shortest password, in characters.
    pub least: usize,
    /// A password has a small letter, a capital, a digit, and something else.
    pub all_classes: bool,
    /// After how many days a password has to be changed; 0: never.
    pub password_days: u32,
    /// So many attempts fail, and there is none for a while.
    pub attempts: u32,
    /// For how long.
    pub lockout: Duration,
    /// A session that is not used for so long ends.
    pub idle: Duration,
    /// A session ends after so long in any case.
    pub lasting: Duration,
    /// Nobody works here without a second factor.
    pub second_factor: bool,
}

impl Default for Policy {
    /// 12 characters of all classes, for 90 days; five attempts, then 30 minutes; 30 minutes idle, 12 hours.
    fn default() -> Self {
        Self {
            least: 12,
            all_classes: true,
            password_days: 90,
            attempts: 5,
            lockout: Duration::from_secs(1_800),
            idle: Duration::from_secs(1_800),
            lasting: Duration::from_secs(43_200),
            second_factor: false,
        }
    }
}

/// A password as it is hashed: the same letters are the same, whatever keyboard they were typed on.
pub(super) fn normal(password: &str) -> String {
    password.nfc().collect()
}

impl Policy {
    /// What a new password has to be, for people.
    pub(super) fn says(&self) -> String {
        let classes =
            if self.all_classes { ", with a small letter, a capital, a digit and another character" } else { "" };
        format!("{} to {LONGEST} characters{classes}; not your login name.", self.least)
    }

    /// Whether a password may be set (in its normal form).
    ///
    /// # Errors
    /// What is wrong, for its owner.
    pub(super) fn check(&self, password: &str, login: &str) -> Result<(), String> {
        let length = password.chars().count();
        let has = |of: fn(char) -> bool| password.chars().any(of);
        let classes = has(char::is_lowercase)
            && has(char::is_uppercase)
            && has(char::is_numeric)
            && has(|letter| !letter.is_alphanumeric());
        if length < self.least || length > LONGEST || (self.all_classes && !classes) {
            return Err(format!("The password has to have {}", self.says()));
        }
        if has(char::is_control) {
            return Err("The password has a character that cannot be typed.".to_owned());
        }
        if password.to_lowercase().contains(login) {
            return Err("The password has your login name in it.".to_owned());
        }
        Ok(())
    }

    /// Whether a password that was set then has to be changed.
    pub(super) fn is_over(&self, set_ms: Option<i64>, now_ms: i64) -> bool {
        let days = i64::from(self.password_days);
        days > 0 && set_ms.is_none_or(|set| now_ms.saturating_sub(set) >= days * 86_400_000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_password_is_long_and_of_all_classes() {
        let policy = Policy::default();
        for right in ["Correct-Horse-9", "aB3 aB3 aB3 ", "\u{dc}ber-alle-Berge-7"] {
            assert_eq!(policy.check(&normal(right), "ada"), Ok(()), "{right}");
        }
        for wrong in [
            "",
            "Short-1",
            "alllowercase-1",
            "ALLUPPERCASE-1",
            "NoDigitsAtAll-",
            "NoOther1234567",
            "Contains-ADA-123",
            "With-A-Nul-123\0",
            &format!("aB3-{}", "x".repeat(125)),
        ] {
            assert!(policy.check(&normal(wrong), "ada").is_err(), "{wrong:?}");
        }
        let lenient = Policy { all_classes: false, least: 8, ..policy };
        assert_eq!(lenient.check("only small letters", "ada"), Ok(()));
        assert_eq!(normal("u\u{308}"), normal("\u{fc}"));
    }

    #[test]
    fn a_password_is_over_on_its_last_day() {
        let policy = Policy::default();
        let days = |days: i64| days * 86_400_000;
        assert!(!policy.is_over(Some(0), days(90) - 1) && policy.is_over(Some(0), days(90)) && policy.is_over(None, 0));
        assert!(!Policy { password_days: 0, ..policy }.is_over(Some(0), days(10_000)));
    }

    proptest! {
        /// What is taken has all that is asked for, whatever it is made of.
        #[test]
        fn what_is_taken_is_as_it_has_to_be(password in "\\PC{0,140}|[ -~]{10,20}") {
            if Policy::default().check(&password, "ada").is_ok() {
                let length = password.chars().count();
                prop_assert!((12..=128).contains(&length));
                prop_assert!(password.chars().any(char::is_lowercase) && password.chars().any(char::is_uppercase));
                prop_assert!(password.chars().any(char::is_numeric) && password.chars().any(|letter| !letter.is_alphanumeric()));
            }
        }
    }
}
