use super::*;

fn validate(names: &[&str], history: Value) -> Result<TablesOptions, BalanceError> {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    TablesOptions::validate(&UncheckedTablesOptions { names, history })
}

#[test]
fn history_is_off_unless_it_is_asked_for() {
    assert_eq!(validate(&[], Value::Undefined), Ok(TablesOptions { history: false }));
    let asked_for = validate(&["history"], Value::Boolean(true));
    assert_eq!(asked_for, Ok(TablesOptions { history: true }));
}

#[test]
fn a_misspelt_option_is_named() {
    let error = validate(&["history", "histroy"], Value::Boolean(true)).unwrap_err();
    assert!(error.message.contains("histroy is not an option of createTables"));
}

#[test]
fn only_true_and_false_will_do() {
    for value in [Value::Null, Value::Number(1.0), Value::Text("true".to_owned())] {
        let error = validate(&["history"], value).unwrap_err();
        assert!(error.message.contains("history must be true or false, not "));
    }
}
