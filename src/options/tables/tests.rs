use super::*;

fn validate(fields: &[(&str, Value)]) -> Result<TablesOptions, BalanceError> {
    let names = fields.iter().map(|(name, _)| (*name).to_owned()).collect();
    let field = |name| fields.iter().find(|(it, _)| *it == name).map(|(_, value)| value.clone());
    let of = |name| field(name).unwrap_or(Value::Undefined);
    TablesOptions::validate(&UncheckedTablesOptions {
        names,
        history: of("history"),
        holds: of("holds"),
    })
}

#[test]
fn an_index_is_made_only_if_it_is_asked_for() {
    let indexes =
        |fields: &[(&str, Value)]| -> Vec<Index> { validate(fields).unwrap().indexes().collect() };
    assert_eq!(indexes(&[]), []);
    assert_eq!(indexes(&[("history", Value::Boolean(true))]), [Index::UserHistory]);
    assert_eq!(indexes(&[("holds", Value::Boolean(true))]), [Index::OpenHolds]);
    let no = Value::Boolean(false);
    assert_eq!(indexes(&[("history", no.clone()), ("holds", no)]), []);
}

#[test]
fn a_misspelt_option_is_named() {
    let yes = Value::Boolean(true);
    let error = validate(&[("history", yes.clone()), ("histroy", yes)]).unwrap_err();
    assert!(error.message.contains("histroy is not an option of createTables"));
}

#[test]
fn only_true_and_false_will_do() {
    for value in [Value::Null, Value::Number(1.0), Value::Text("true".to_owned())] {
        for name in ["history", "holds"] {
            let error = validate(&[(name, value.clone())]).unwrap_err();
            assert!(error.message.contains(&format!("{name} must be true or false, not ")));
        }
    }
}
