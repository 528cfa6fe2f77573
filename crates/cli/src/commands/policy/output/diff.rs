//! Two texts side by side: the lines that one has and the other lacks, with some around them. Pure.

/// Lines that are shown around what differs.
const AROUND: usize = 3;

/// Larger middles are shown as replaced as a whole: the time and memory of comparing grow with their product.
const MOST: usize = 4_000_000;

/// A line and whether it stays, goes or comes.
type Line<'a> = (char, &'a str);

/// The difference; empty where there is none.
pub fn diff(old: &str, new: &str) -> String {
    let lines = compare(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let near = |i: usize| {
        let start = i.saturating_sub(AROUND);
        lines.iter().skip(start).take(i - start + AROUND + 1).any(|(mark, _)| *mark != ' ')
    };
    let mut out = String::new();
    let (mut row, mut gap) = (0, true);
    for (i, (mark, line)) in lines.iter().enumerate() {
        if *mark != '+' {
            row += 1;
        }
        if !near(i) {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) {
            out.push_str(&format!("@@ line {} @@\n", row.max(1)));
        }
        out.push(*mark);
        out.push_str(line);
        out.push('\n');
    }
    out
}

fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let start = same(&mut old.iter().zip(new));
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let end = same(&mut old_rest.iter().rev().zip(new_rest.iter().rev()));
    let (old_middle, tail) = old_rest.split_at(old_rest.len() - end);
    let new_middle = &new_rest[..new_rest.len() - end];
    let mut lines: Vec<Line<'a>> = old.iter().take(start).map(|line| (' ', *line)).collect();
    middle(old_middle, new_middle, &mut lines);
    lines.extend(tail.iter().map(|line| (' ', *line)));
    lines
}

/// By the longest lines that both have in the same order.
fn middle<'a>(old: &[&'a str], new: &[&'a str], out: &mut Vec<Line<'a>>) {
    let width = new.len() + 1;
    if old.len().saturating_mul(width) > MOST {
        out.extend(old.iter().map(|line| ('-', *line)));
        out.extend(new.iter().map(|line| ('+', *line)));
        return;
    }
    // longest[i * width + j]: of what follows i and j.
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            longest[i * width + j] = if a == b {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    loop {
        match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a == b => {
                out.push((' ', *a));
                (i, j) = (i + 1, j + 1);
            }
            (Some(a), other) if other.is_none() || longest[(i + 1) * width + j] >= longest[i * width + j + 1] => {
                out.push(('-', *a));
                i += 1;
            }
            (_, Some(b)) => {
                out.push(('+', *b));
                j += 1;
            }
            (_, None) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::diff;

    #[test]
    fn what_differs_is_shown_with_what_is_around() {
        assert_eq!(diff("a\nb\n", "a\nb\n"), "");
        assert_eq!(diff("a\nb\nc\n", "a\nx\nc\n"), "@@ line 1 @@\n a\n-b\n+x\n c\n");
        assert_eq!(diff("", "a\n"), "@@ line 1 @@\n+a\n");
        let old: String = (1..=20).map(|n| format!("{n}\n")).collect();
        let new = old.replace("10\n", "").replace("20\n", "twenty\n");
        let wanted = "@@ line 7 @@\n 7\n 8\n 9\n-10\n 11\n 12\n 13\n@@ line 17 @@\n 17\n 18\n 19\n-20\n+twenty\n";
        assert_eq!(diff(&old, &new), wanted);
        let many: String = (0..3000).map(|n| format!("{n}\n")).collect();
        let other: String = (0..3000).map(|n| format!("x{n}\n")).collect();
        assert!(diff(&many, &other).len() > 10_000);
    }
}
