//! Content of the guide beside its Rust blocks: its links lead somewhere, its limits and compiler messages are the real
//! ones.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use gateway_core::limits::Limits;
use gateway_core::serve::Deflate;
use serde::Serialize;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn pages() -> Vec<PathBuf> {
    let in_folder = |folder: &str| fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    in_folder(".").chain(in_folder("docs")).filter(is_page).collect()
}

/// The text outside of code blocks.
fn prose(page: &str) -> String {
    let mut is_code = false;
    let is_prose = |line: &&str| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    };
    page.lines().filter(is_prose).fold(String::new(), |prose, line| prose + line + "\n")
}

/// The cells of each row of the tables under this heading, up to the next of its level; head rows are left out.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let level = heading.split(' ').next().unwrap();
    let section = page.split_once(&format!("\n{heading}\n")).unwrap().1;
    let section = section.split(&format!("\n{level} ")).next().unwrap();
    let lines: Vec<&str> = section.lines().collect();
    let is_head = |index: usize| lines.get(index + 1).is_some_and(|next| next.starts_with("| ---"));
    let rows = lines
        .iter()
        .enumerate()
        .filter(|(index, line)| line.starts_with("| ") && !line.starts_with("| ---") && !is_head(*index));
    rows.map(|(_, line)| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = prose(&fs::read_to_string(&page).unwrap());
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if !link.contains("://") && !leads_somewhere(&page, link) {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

fn leads_somewhere(page: &Path, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    if anchor.is_empty() {
        return target.exists();
    }
    fs::read_to_string(target).is_ok_and(|text| {
        prose(&text).lines().filter(|line| line.starts_with('#')).any(|line| anchor_of(line) == anchor)
    })
}

/// As forges make it of a heading.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// mdBook shows what its summary names, and nothing else.
#[test]
fn the_book_holds_every_page_once() {
    let summary = read("docs/SUMMARY.md");
    let mut named: Vec<&str> = summary.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    named.retain(|page| *page != "performance/README.md");
    named.sort_unstable();
    let in_docs = pages().into_iter().filter(|page| page.parent().unwrap() == root().join("docs"));
    let mut written: Vec<String> =
        in_docs.map(|page| page.file_name().unwrap().to_string_lossy().into_owned()).collect();
    written.retain(|page| page != "SUMMARY.md");
    written.sort_unstable();
    assert_eq!(named, written, "docs/SUMMARY.md has a line for each page");
}

/// In the public registry the name is somebody else's, so a version alone would fetch a stranger's code.
#[test]
fn every_dependency_on_the_framework_says_where_it_comes_from() {
    let mut files = pages();
    let more = ["examples/README.md", "benches/README.md", "gateway-core/src/lib.rs", "gateway-macros/src/lib.rs"];
    files.extend(more.map(|file| root().join(file)));
    let mut lines = 0;
    let mut wrong = Vec::new();
    for file in files {
        for line in fs::read_to_string(&file).unwrap().lines() {
            let names = ["gateway-core", "gateway-macros"]
                .iter()
                .any(|name| line.trim_start().starts_with(&format!("{name} =")));
            lines += usize::from(names);
            let is_placed = line.contains("path = ") || line.contains("git = ");
            if (names && !is_placed) || line.contains("cargo add gateway") || line.contains("crates.io/crates/gateway")
            {
                wrong.push(format!("{}: {line}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(lines >= 5, "the lines were not found");
    for manifest in ["gateway-core/Cargo.toml", "gateway-macros/Cargo.toml"] {
        assert!(read(manifest).lines().any(|line| line == "publish = false"), "{manifest}");
    }
}

/// The programs of the page are compiled as doctests; the manifest beside them must name all they need.
#[test]
fn the_manifest_of_getting_started_is_complete() {
    let page = read("docs/getting-started.md");
    let manifest = page.split_once("```toml\n").unwrap().1.split("```").next().unwrap();
    let workspace = read("Cargo.toml");
    for key in ["edition = ", "rust-version = "] {
        let line = |text: &str| text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        assert_eq!(line(manifest), line(&workspace));
    }
    let version = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(page.contains(&format!("Rust {version}")), "the version is said in words too");
    assert!(read("README.md").contains(&format!("Rust version is {version}")));
    assert!(read("rust-toolchain.toml").contains(version));
    for part in [
        "[package]",
        "name = ",
        "[dependencies]",
        "[dev-dependencies]",
        "gateway-core = ",
        "features = [\"testing\"]",
        "serde = ",
        "serde_json = ",
        "tokio = ",
        "\"macros\"",
        "\"rt-multi-thread\"",
        "\"test-util\"",
    ] {
        assert!(manifest.contains(part), "{part} is not there");
    }
}

#[test]
fn the_readme_names_each_feature() {
    let manifest = read("gateway-core/Cargo.toml");
    let features = manifest.split_once("[features]\n").unwrap().1.split("\n[").next().unwrap();
    let real: Vec<&str> = features.lines().filter_map(|line| line.split_once(" = [")).map(|(name, _)| name).collect();
    let page = read("README.md");
    assert!(real.len() >= 5, "the features were not found");
    for feature in real {
        assert!(page.contains(&format!("\n| `{feature}` |")), "{feature}");
    }
}

#[test]
fn the_figures_of_the_readme_are_those_of_the_last_comparison() {
    let figures = read("docs/performance/README.md");
    let table = rows(&figures, "## All servers, ÷ floor");
    let works: Vec<&str> = figures.split_once("\n| server |").unwrap().1.lines().next().unwrap().split(" | ").collect();
    let page = read("README.md");
    let servers = [("gateway-core", 1), ("Bun", 2), ("axum", 3), ("npm ws", 4), ("NestJS ws", 5)];
    let ours = rows(&page, "## Highlights");
    assert_eq!(ours.len(), 3);
    for row in ours {
        let work = works.iter().position(|work| work.trim() == row[0]).unwrap_or_else(|| panic!("{}", row[0]));
        for (server, column) in servers {
            let measured = table.iter().find(|line| line[0] == server).unwrap();
            assert_eq!(row[column], measured[work + 1], "{server}: {}", row[0]);
        }
    }
}

/// Its steps are followed by `node tests/container/dockerfile.js`, which takes minutes.
#[test]
fn the_dockerfile_builds_an_example_with_the_pinned_rust_and_listens_for_others() {
    let page = read("docs/deploy.md");
    let file = page.split_once("```dockerfile\n").unwrap().1.split("```").next().unwrap();
    let pinned = read("rust-toolchain.toml");
    let channel = pinned.split_once("channel = \"").unwrap().1.split('"').next().unwrap();
    for line in [format!("FROM rust:{channel} AS build"), format!("ENV RUSTUP_TOOLCHAIN={channel}")] {
        assert!(file.lines().any(|written| written == line), "{line}");
    }
    assert!(read("examples/Cargo.toml").contains("name = \"chat\""));
    assert!(file.contains("--example chat") && file.contains("/src/target/release/examples/chat "));
    let program = read("examples/chat/main.rs");
    for variable in ["ADDRESS", "MONITORING"] {
        assert!(file.contains(&format!("{variable}=0.0.0.0:")), "{variable}");
        assert!(program.contains(&format!("var(\"{variable}\")")), "{variable}");
    }
}

#[test]
fn every_page_with_rust_is_compiled() {
    let compiled = read("docs/lib.rs");
    let is_compiled = |page: &PathBuf| {
        let folder = if page.parent().unwrap() == root().join("docs") { "" } else { "../" };
        compiled.contains(&format!("\"{folder}{}\"", page.file_name().unwrap().to_string_lossy()))
    };
    let has_rust = |page: &PathBuf| fs::read_to_string(page).unwrap().contains("```rust");
    let forgotten: Vec<_> = pages().into_iter().filter(|page| has_rust(page) && !is_compiled(page)).collect();
    assert!(forgotten.is_empty(), "name them in docs/lib.rs: {forgotten:#?}");
}

/// Both applications are run by the end-to-end suite, so what the page shows of them is true.
#[test]
fn the_ported_module_is_shown_as_it_is() {
    let page = read("docs/from-nestjs.md");
    for (language, folder, least) in [("ts", "tests/browser/nest", 7), ("rs", "examples/nestjs", 8)] {
        let files = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let sources: Vec<String> = files.map(|file| fs::read_to_string(file).unwrap()).collect();
        let shown: Vec<&str> =
            page.split(&format!("```{language}\n")).skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert!(shown.len() >= least, "the blocks were not found");
        for block in shown {
            assert!(sources.iter().any(|source| source.contains(block)), "{folder} has no\n{block}");
        }
    }
}

/// Decorators and options of NestJS 12, and options of `new Server(…)` of Socket.IO 4.8.
#[test]
fn nothing_is_left_out_of_the_pages_for_those_who_come_from_elsewhere() {
    let from_nestjs = [
        "@WebSocketGateway @WebSocketServer @SubscribeMessage @MessageBody @ConnectedSocket @Ack createParamDecorator @UseGuards",
        "@UsePipes @UseInterceptors @UseFilters @Catch @SetMetadata Reflector @Injectable @Optional @Inject @Module",
        "useGlobalGuards useGlobalInterceptors useGlobalFilters useGlobalPipes ValidationPipe ParseIntPipe afterInit",
        "handleConnection handleDisconnect onModuleInit onApplicationBootstrap onModuleDestroy onApplicationShutdown",
        "WsException BaseWsExceptionFilter includeCause causeFactory HttpException InvalidSocketPortException Observable Promise",
        "IoAdapter WsAdapter RedisIoAdapter WebSocketAdapter createIOServer messageParser setMessageParser forceCloseConnections",
        "namespace path serveClient adapter parser connectTimeout pingTimeout pingInterval upgradeTimeout maxHttpBufferSize",
        "allowRequest transports allowUpgrades perMessageDeflate httpCompression wsEngine initialPacket cookie cors allowEIO3",
        "destroyUpgrade destroyUpgradeTimeout connectionStateRecovery maxPayload verifyClient handleProtocols",
        "getClient getData getPattern getClass getHandler getType overrideProvider createTestingModule",
    ];
    let from_socket_io = [
        "connectionStateRecovery maxDisconnectionDuration skipMiddlewares serveClient parser cleanupEmptyChildNamespaces",
        "perMessageDeflate adapter allowEIO3 wsEngine initialPacket destroyUpgrade io.use socket.use io.engine.use",
        "initial_headers allowRequest io.of new_namespace once off onAny onAnyOutgoing emitWithAck timeout volatile compress",
        "broadcast except join leave rooms handshake socket.data recovered connected disconnect disconnecting local",
        "fetchSockets socketsJoin socketsLeave disconnectSockets serverSideEmit serverSideEmitWithAck clientsCount io.close",
    ];
    for (file, names) in [("docs/from-nestjs.md", &from_nestjs[..]), ("docs/from-socket-io.md", &from_socket_io)] {
        let page = read(file);
        // Left of a row's first bar, so that it is looked for where it is sought.
        let sought: String = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
        let missing: Vec<&str> =
            names.iter().flat_map(|line| line.split(' ')).filter(|name| !sought.contains(name)).collect();
        assert!(missing.is_empty(), "{file} has no row for {missing:?}");
    }
}

#[test]
fn the_life_of_a_message_names_real_functions() {
    let rows = rows(&read("ARCHITECTURE.md"), "## One message's life");
    assert!(rows.len() > 10, "the table was not found");
    for row in rows {
        let (file, function) = (row[1].trim_matches('`'), row[2].trim_matches('`'));
        let source = read(Path::new("gateway-core/src").join(file));
        let is_there =
            [format!("fn {function}("), format!("fn {function}<")].iter().any(|declared| source.contains(declared));
        assert!(is_there, "{file} has no `{function}`");
    }
}

#[test]
fn the_table_of_limits_holds_each_with_its_default() {
    assert_eq!(documented("docs/limits.md", "## Server limits"), defaults(&Limits::new()));
}

#[test]
fn the_table_of_compression_holds_each_option_with_its_default() {
    assert_eq!(documented("docs/serving.md", "## Compression"), defaults(&Deflate::new()));
}

/// The first two columns of a table of options.
fn documented(page: &str, heading: &str) -> BTreeMap<String, String> {
    let plain = |cell: &String| cell.trim_matches('`').to_owned();
    rows(&read(page), heading).iter().map(|row| (plain(&row[0]), plain(&row[1]))).collect()
}

/// Options as the guide writes them: `1 MiB`, `25 s`.
fn defaults(options: &impl Serialize) -> BTreeMap<String, String> {
    let Value::Object(values) = serde_json::to_value(options).unwrap() else { panic!("options are a table") };
    values.into_iter().map(|(name, value)| (name.clone(), shown(&name, &value))).collect()
}

fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::Number(bytes) if name.ends_with("_bytes") => match bytes.as_u64().unwrap() {
            bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
            bytes if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
            bytes => bytes.to_string(),
        },
        // A time is a number and its unit.
        Value::String(text) => match text.find(|character: char| !character.is_ascii_digit()) {
            Some(unit) if unit > 0 => format!("{} {}", &text[..unit], &text[unit..]),
            _ => text.clone(),
        },
        other => other.to_string(),
    }
}

#[test]
fn every_compiler_message_in_the_guide_is_a_real_one() {
    let mut said = HashSet::new();
    for macro_name in fs::read_dir(root().join("gateway-core/tests/ui")).unwrap() {
        for case in fs::read_dir(macro_name.unwrap().path().join("fail")).into_iter().flatten() {
            let path = case.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "stderr") {
                said.extend(fs::read_to_string(path).unwrap().lines().filter_map(message).map(str::to_owned));
            }
        }
    }
    let rows = rows(&read("docs/macros.md"), "## Compiler messages");
    assert!(rows.len() > 50, "the tables were not found");
    let unknown: Vec<_> = rows.iter().map(|row| &row[0]).filter(|message| !said.contains(*message)).collect();
    assert!(unknown.is_empty(), "no case of tests/ui says so: {unknown:#?}");
}

/// `error[E0277]: text` → `text`
fn message(line: &str) -> Option<&str> {
    line.starts_with("error").then(|| line.split_once(": "))?.map(|(_, message)| message)
}

#[test]
fn the_table_of_metrics_holds_each_name() {
    let mut written: Vec<String> = rows(&read("docs/operations.md"), "## Metrics")
        .into_iter()
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect();
    let mut real: Vec<String> = names_of_metrics().into_iter().collect();
    real.sort();
    written.sort();
    assert_eq!(written, real);
}

#[test]
fn every_page_names_metrics_that_exist() {
    let real = names_of_metrics();
    let is_metric = |name: &&str| {
        let ends = ["_total", "_seconds", "_bytes", "_messages", "_open"];
        name.starts_with("gateway_") && ends.iter().any(|end| name.ends_with(end))
    };
    let mut unknown = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let words = text.split(|character: char| !character.is_ascii_lowercase() && character != '_');
        unknown.extend(words.filter(is_metric).filter(|name| !real.contains(*name)).map(str::to_owned));
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn the_dashboard_shows_metrics_and_labels_that_exist() {
    let board: Value = serde_json::from_str(&read("docs/grafana.json")).unwrap();
    let labels: BTreeMap<String, String> = rows(&read("docs/operations.md"), "## Metrics")
        .into_iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].clone()))
        .collect();
    let (mut shown, mut queries) = (HashSet::new(), 0);
    let panels = board["panels"].as_array().unwrap().iter();
    for target in panels.flat_map(|panel| panel["targets"].as_array().unwrap()) {
        let query = target["expr"].as_str().unwrap();
        queries += 1;
        let words = query.split(|character: char| !character.is_ascii_lowercase() && character != '_');
        let names: Vec<&str> =
            words.filter(|word| word.starts_with("gateway_") || word.starts_with("process_")).collect();
        assert!(!names.is_empty(), "{query}");
        let by = query.split(" by (").nth(1).and_then(|rest| rest.split(')').next()).unwrap_or_default();
        // A histogram has its name in the table, and its parts in queries.
        for name in names.iter().map(|name| name.strip_suffix("_bucket").unwrap_or(name)) {
            let known = labels.get(name).unwrap_or_else(|| panic!("no metric is {name}: {query}"));
            for label in by.split(", ").filter(|label| !label.is_empty() && *label != "le") {
                assert!(known.contains(&format!("`{label}`")), "{name} has no label {label}: {query}");
            }
            shown.insert(name.to_owned());
        }
    }
    assert!(queries > 20 && shown.len() > 20, "{queries} queries of {} metrics", shown.len());
}

fn names_of_metrics() -> HashSet<String> {
    let folder = root().join("gateway-core/src/server/metrics");
    let source: String =
        fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let literals = source.split('"').skip(1).step_by(2);
    let is_name = |text: &&str| text.starts_with("gateway_") || text.starts_with("process_");
    let real: HashSet<String> = literals.filter(is_name).map(str::to_owned).collect();
    assert!(real.len() > 30, "the names were not found");
    real
}
