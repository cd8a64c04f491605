//! `view!`: markup as Leptos writes it, for the page's own views in `src/dom/`.
//!
//! All that is known while compiling becomes one text, the outline; what Rust computes becomes a list of holes, in the
//! order in which the outline names them. So a view costs code for its holes only.
//!
//! The outline, as `src/dom/mounted.rs` reads it: `<tag name="value" name?>words<?></>`. A name with `?` is a hole of its
//! element, `<?>` a hole among the children.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use rstml::node::{KeyedAttribute, Node, NodeAttribute, NodeBlock, NodeElement};
use syn::spanned::Spanned;
use syn::{Error, Expr, Lit, Stmt};

#[proc_macro]
pub fn view(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input.into()).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: TokenStream) -> Result<TokenStream, Error> {
    let mut view = View::default();
    for node in rstml::parse2(input)? {
        view.node(&node)?;
    }
    let View { outline, holes } = view;
    Ok(quote! { crate::dom::made(#outline, ::std::vec![#(#holes),*]) })
}

#[derive(Default)]
struct View {
    outline: String,
    holes: Vec<TokenStream>,
}

impl View {
    fn node(&mut self, node: &Node) -> Result<(), Error> {
        match node {
            Node::Element(it) if it.name().to_string() == "For" => self.rows(it),
            Node::Element(it) => self.element(it),
            Node::Block(NodeBlock::ValidBlock(it)) => {
                // Braces of the markup, where Rust needs none.
                let inside = if let [Stmt::Expr(only, None)] = &it.stmts[..] {
                    quote! { #only }
                } else {
                    quote! { #it }
                };
                self.child(&quote_spanned! { it.span() => crate::dom::IntoView::into_view(#inside) });
                Ok(())
            }
            Node::Text(it) => {
                let words = it.value_string();
                self.outline.push_str(plain(&words, '<', it.span())?);
                Ok(())
            }
            other => Err(Error::new(other.span(), "elements, blocks and quoted words are what a view knows")),
        }
    }

    fn child(&mut self, view: &TokenStream) {
        self.outline.push_str("<?>");
        self.holes.push(quote! { crate::dom::Hole::Child(#view) });
    }

    fn element(&mut self, it: &NodeElement<rstml::Infallible>) -> Result<(), Error> {
        self.outline.push('<');
        self.outline.push_str(&it.name().to_string());
        for it in it.attributes() {
            match it {
                NodeAttribute::Attribute(it) => self.attribute(it)?,
                NodeAttribute::Block(it) => return Err(Error::new(it.span(), "an attribute has a name")),
            }
        }
        self.outline.push('>');
        for it in it.children() {
            self.node(it)?;
        }
        self.outline.push_str("</>");
        Ok(())
    }

    fn attribute(&mut self, it: &KeyedAttribute) -> Result<(), Error> {
        let name = it.key.to_string();
        self.outline.push(' ');
        self.outline.push_str(&name);
        let Some(value) = it.value() else {
            self.outline.push_str("=\"\"");
            return Ok(());
        };
        if let Some(words) = literal(value) {
            self.outline.push_str("=\"");
            self.outline.push_str(plain(&words, '"', value.span())?);
            self.outline.push('"');
            return Ok(());
        }
        self.outline.push('?');
        let span = value.span();
        self.holes.push(if let Some(event) = name.strip_prefix("on:") {
            let event = syn::Ident::new(event, span);
            quote_spanned! { span => crate::dom::on(crate::dom::ev::#event, #value) }
        } else if name == "node_ref" {
            quote_spanned! { span => crate::dom::into_ref(#value) }
        } else {
            quote_spanned! { span => crate::dom::Hole::Value(crate::dom::IntoValue::into_value(#value)) }
        });
        Ok(())
    }

    /// `<For each=… key=… children=…/>`
    fn rows(&mut self, it: &NodeElement<rstml::Infallible>) -> Result<(), Error> {
        let part = |name: &str| {
            let found = it.attributes().iter().find_map(|it| match it {
                NodeAttribute::Attribute(it) if it.key.to_string() == name => it.value(),
                _ => None,
            });
            found.ok_or_else(|| Error::new(it.name().span(), format!("For needs {name}")))
        };
        let (each, key, children) = (part("each")?, part("key")?, part("children")?);
        self.child(&quote! { crate::dom::rows(#each, #key, #children) });
        Ok(())
    }
}

/// What needs no hole: it is the same always.
fn literal(value: &Expr) -> Option<String> {
    let Expr::Lit(it) = value else { return None };
    Some(match &it.lit {
        Lit::Str(it) => it.value(),
        Lit::Int(it) => it.base10_digits().to_owned(),
        Lit::Bool(it) if it.value => String::new(),
        _ => return None,
    })
}

/// Words that do not end where the outline would end them.
fn plain(words: &str, end: char, span: Span) -> Result<&str, Error> {
    if words.contains(end) {
        return Err(Error::new(span, format!("{end:?} ends the words of an outline: put them into a block")));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(input: TokenStream) -> View {
        let mut view = View::default();
        for node in rstml::parse2(input).expect("markup") {
            view.node(&node).expect("a view");
        }
        view
    }

    #[test]
    fn what_is_known_stands_in_the_outline_and_the_rest_are_holes_in_its_order() {
        let it = view(quote! {
            <label class="check sm" data-open=open>
                <input type="checkbox" rows=4 readonly on:change=pick prop:checked=on />
                "Say " {words}
            </label>
            {more}
        });
        assert_eq!(
            it.outline,
            "<label class=\"check sm\" data-open?><input type=\"checkbox\" rows=\"4\" readonly=\"\" on:change? prop:checked?></>\
             Say <?></><?>"
        );
        let holes: Vec<String> = it.holes.iter().map(ToString::to_string).collect();
        let named = ["open", "pick", "on", "words", "more"];
        assert_eq!(holes.len(), named.len());
        for (hole, name) in holes.iter().zip(named) {
            assert!(hole.contains(name), "{hole} is not {name}");
        }
    }

    #[test]
    fn what_would_end_an_outline_early_is_refused() {
        for input in
            [quote! { <p>"a < b"</p> }, quote! { <p title="say \"no\""></p> }, quote! { <p>bare words</p> }]
        {
            assert!(expand(input.clone()).is_err(), "{input}");
        }
        assert!(expand(quote! { <For each=all key=id /> }).is_err());
    }
}
