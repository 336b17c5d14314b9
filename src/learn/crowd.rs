//! Paths as they are seen, in bounded memory: a directory of which very many files are used stands for all of them.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use super::observed::{Use, Uses, add};

/// How many names of one directory are told apart.
const MANY: usize = 256;
/// And of one near the root, which belongs to more than one program.
const SHALLOW: usize = 4096;
/// How many components such a directory has at most: /home/ann/.config.
const NEAR: usize = 4;
/// How many paths are told apart in all; with more than these, fewer of each directory are.
const ALL: usize = 16384;
/// How many programs are told apart, wherever they are.
const PROGRAMS: usize = 4096;

/// Paths that were seen so far.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    paths: BTreeMap<PathBuf, Uses>,
    /// How many names of each directory are among them, files and directories.
    names: HashMap<PathBuf, usize>,
    programs: usize,
    /// By how many powers of two the limits are lower than they were.
    lowered: u32,
}

impl Crowd {
    /// One use of an absolute path, by the thread of this name.
    pub(super) fn used(&mut self, path: PathBuf, kind: Use, by: &str) {
        let program = kind == Use::Execute && self.programs < PROGRAMS;
        let above = if program { None } else { self.stands_for(&path).map(Path::to_owned) };
        let path = above.unwrap_or(path);
        if let Some(uses) = self.paths.get_mut(&path) {
            self.programs += usize::from(program && !uses.times.contains_key(&kind));
            uses.used(kind, by);
            return;
        }
        self.programs += usize::from(program);
        self.paths.entry(path.clone()).or_default().used(kind, by);
        if !self.names.contains_key(&path) {
            self.count(&path);
        }
        while self.paths.len() > ALL && self.lowered < 12 {
            self.lowered += 2;
            let full: Vec<PathBuf> =
                self.names.iter().filter(|(at, count)| **count > self.limit(at)).map(|(at, _)| at.clone()).collect();
            for at in full {
                self.fold(&at);
            }
        }
    }

    /// What was seen.
    pub(super) fn finish(self) -> BTreeMap<PathBuf, Uses> {
        self.paths
    }

    /// The directory above, or at, a path that stands for all below it.
    fn stands_for<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        path.ancestors().skip(1).find(|above| self.paths.get(*above).is_some_and(|uses| uses.below))
    }

    fn limit(&self, directory: &Path) -> usize {
        let limit = if directory.components().count() <= NEAR { SHALLOW } else { MANY };
        (limit >> self.lowered).max(1)
    }

    /// A name that is new in its directory; the directory may be new in its own.
    fn count(&mut self, path: &Path) {
        for above in path.ancestors().skip(1) {
            let count = self.names.entry(above.to_owned()).or_default();
            *count += 1;
            let (now, known) = (*count, self.paths.contains_key(above));
            if now > self.limit(above) {
                self.fold(above);
                return;
            }
            if now > 1 || known {
                return;
            }
        }
    }

    /// Lets a directory stand for all below it; programs stay.
    fn fold(&mut self, directory: &Path) {
        let rest = (Bound::Excluded(directory), Bound::Unbounded);
        let below = self.paths.range::<Path, _>(rest).take_while(|(path, _)| path.starts_with(directory));
        let stays = |uses: &Uses| self.programs < PROGRAMS && uses.times.contains_key(&Use::Execute);
        let gone: Vec<PathBuf> = below.filter(|(_, uses)| !stays(uses)).map(|(path, _)| path.clone()).collect();
        let mut all = self.paths.remove(directory).unwrap_or_default();
        all.below = true;
        for path in gone {
            if let Some(uses) = self.paths.remove(&path) {
                add(&mut all.times, uses.times);
                for name in uses.by {
                    all.by(&name);
                }
            }
        }
        self.paths.insert(directory.to_owned(), all);
        self.names.retain(|known, _| !known.starts_with(directory));
        // It is a name of its own directory still.
        self.names.insert(directory.to_owned(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(paths: impl Iterator<Item = String>, kind: Use) -> Crowd {
        let mut crowd = Crowd::default();
        for path in paths {
            crowd.used(path.into(), kind, "x");
        }
        crowd
    }

    #[test]
    fn few_are_told_apart_and_many_are_their_directory() {
        let few = seen((0..200).map(|number| format!("/srv/a/b/c/{number}")), Use::Read).finish();
        assert!(few.len() == 200 && few.values().all(|uses| !uses.below));
        let many = seen((0..100_000).map(|number| format!("/srv/a/b/c/{number}")), Use::Read).finish();
        let (path, uses) = many.first_key_value().expect("the directory");
        assert_eq!((many.len(), path.as_path(), uses.below), (1, Path::new("/srv/a/b/c"), true));
        assert_eq!(uses.times.get(&Use::Read), Some(&100_000));
    }

    #[test]
    fn no_shape_of_tree_is_without_bound() {
        for shape in [
            |number: u32| format!("/srv/{number}"),
            |number: u32| format!("/srv/a/{}/b/{number}", number / 3),
            |number: u32| format!("/srv/a/b/c/{}/{}/{number}", number % 200, number % 251),
            |number: u32| format!("/home/{}/x/{}", number % 4000, number),
        ] {
            let crowd = seen((0..60_000).map(shape), Use::Create);
            assert!(crowd.paths.len() <= ALL && crowd.names.len() <= 2 * ALL, "{}", crowd.paths.len());
            assert_eq!(crowd.paths.values().map(|uses| uses.times[&Use::Create]).sum::<u64>(), 60_000);
        }
    }

    #[test]
    fn a_program_stays_itself_among_many_files() {
        let mut crowd = seen((0..300).map(|number| format!("/srv/a/b/c/{number}")), Use::Read);
        crowd.used("/srv/a/b/c/program".into(), Use::Execute, "x");
        crowd.used("/srv/a/b/c/more".into(), Use::Read, "x");
        let paths = crowd.finish();
        assert_eq!(paths.len(), 2);
        assert!(!paths[Path::new("/srv/a/b/c")].times.contains_key(&Use::Execute));
        assert_eq!(paths[Path::new("/srv/a/b/c/program")].times.get(&Use::Execute), Some(&1));
    }
}
