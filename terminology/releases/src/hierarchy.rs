//! What is above what, and that it never runs in a circle.

/// Some places of a circle among pairs of child and parent; `None` where there is no circle. What nothing is below is taken away, then
/// what is bare without it; what is left over lies on a circle or above one.
pub(crate) fn circle(concepts: usize, pairs: &[(u32, u32)]) -> Option<Vec<u32>> {
    let mut below = vec![0_u32; concepts];
    let mut starts = vec![0_usize; concepts + 1];
    for &(child, parent) in pairs {
        below[parent as usize] += 1;
        starts[child as usize + 1] += 1;
    }
    (0..concepts).for_each(|at| starts[at + 1] += starts[at]);
    let (mut parents, mut next) = (vec![0_u32; pairs.len()], starts.clone());
    for &(child, parent) in pairs {
        parents[next[child as usize]] = parent;
        next[child as usize] += 1;
    }
    let above = |at: usize| &parents[starts[at]..starts[at + 1]];
    let mut open: Vec<usize> = (0..concepts).filter(|&at| below[at] == 0).collect();
    let mut left = concepts;
    while let Some(at) = open.pop() {
        left -= 1;
        for &parent in above(at) {
            below[parent as usize] -= 1;
            if below[parent as usize] == 0 {
                open.push(parent as usize);
            }
        }
    }
    (left > 0).then(|| around(&below, pairs))
}

/// Walks down from any place that is left over, until a place comes again.
fn around(below: &[u32], pairs: &[(u32, u32)]) -> Vec<u32> {
    let mut child_of = vec![None; below.len()];
    for &(child, parent) in pairs.iter().filter(|(child, _)| below[*child as usize] > 0) {
        child_of[parent as usize] = Some(child);
    }
    let mut seen = vec![false; below.len()];
    let mut path = Vec::new();
    let mut at = below.iter().position(|&count| count > 0).and_then(|at| u32::try_from(at).ok());
    while let Some(place) = at {
        if std::mem::replace(&mut seen[place as usize], true) {
            let start = path.iter().position(|&known| known == place).unwrap_or_default();
            return path.split_off(start);
        }
        path.push(place);
        at = child_of[place as usize];
    }
    path
}

/// The most codes of a circle that are told.
const MOST_TOLD: usize = 10;

/// A circle's codes, as a fault tells them.
pub(crate) fn told<'c>(circle: &[u32], code: impl Fn(u32) -> &'c str) -> String {
    let mut codes: Vec<&str> = circle.iter().take(MOST_TOLD).map(|&at| code(at)).collect();
    if circle.len() > MOST_TOLD {
        codes.push("...");
    }
    codes.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::circle;

    #[test]
    fn a_circle_is_found_below_a_tree_and_named_without_it() {
        assert_eq!(circle(4, &[(1, 0), (2, 0), (3, 1), (3, 2)]), None);
        let mut found = circle(5, &[(1, 0), (2, 1), (3, 2), (1, 3), (4, 3)]).unwrap();
        found.sort_unstable();
        assert_eq!(found, [1, 2, 3]);
        assert_eq!(circle(1, &[(0, 0)]).unwrap(), [0]);
    }
}
